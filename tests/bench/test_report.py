"""A run prints and saves its tables, and their ratios are right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.results import Row, Table, quartiles
from tests.bench.workers import ROOT, SIDES

pytest.importorskip("fastapi", reason="the peers need the extra `bench`")
pytest.importorskip("aws_lambda_powertools", reason="the peers need the extra `bench`")
report = pytest.importorskip("tests.bench.report")


def test_the_command_prints_a_table_and_saves_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "lambda_cpu", "--quick", "--row", "health", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "CPU per request" in done.stdout
    assert "health" in done.stdout
    (row,) = json.loads((tmp_path / "bench.json").read_text())["tables"][0]["rows"]
    assert {side: len(figures) for side, figures in row["figures"].items()} == dict.fromkeys(SIDES, 3)
    assert report.markdown(report.load(tmp_path)) == (tmp_path / "bench.md").read_text()


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """A slow phase of the machine, which affects all sides, changes no ratio."""
    row = Row("n", "ms", {"ours": [1.0, 10.0, 2.0], "fastapi_def": [2.0, 20.0, 4.0], "bare": [1.0, 5.0, 0.5]})
    assert row.ratios("fastapi_def") == [0.5, 0.5, 0.5]
    assert report.markdown([Table("T", [row])]).splitlines() == [
        "| T (lower is better) | ours | ours ÷ fastapi_def | ours ÷ bare |",
        "|---|---|---|---|",
        "| n | 2 ms | 0.50 | 2.00 (1.00 to 4.00) |",
    ]


def test_a_peer_that_is_ahead_is_in_bold_also_where_higher_is_better() -> None:
    row = Row("n", "", {"ours": [2.0, 2.0], "fastapi_def": [1.0, 1.0], "bare": [4.0, 4.0]})
    assert "| n | 2  | **2.00** | 0.50 |" in report.markdown([Table("T", [row])])
    assert "| n | 2  | 2.00 | **0.50** |" in report.markdown([Table("T", [row], higher_is_better=True)])


def test_a_side_that_is_not_measured_or_is_zero_has_no_ratio() -> None:
    rows = [
        Row("zero", "$", {"ours": [0.0], "bare": [0.0]}, {"ours": "0 calls", "bare": "0 calls"}),
        Row("left out", "$", {"ours": [1.0]}),
    ]
    lines = report.markdown([Table("T", rows)]).splitlines()
    assert lines[2:] == ["| zero | 0 $ (0 calls) | - |", "| left out | 1 $ | - |"]


def test_fewer_than_four_figures_spread_from_minimum_to_maximum() -> None:
    assert quartiles([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
