"""A run prints and saves its tables, and their ratios are right."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.results import Row, Table, quartiles
from tests.bench.workers import ROOT

pytest.importorskip("fastapi", reason="the peer needs the extra `bench`")
report = pytest.importorskip("tests.bench.report")
pytest.importorskip("matplotlib", reason="the plot needs the extra `bench`")


def test_the_command_prints_a_table_and_saves_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "lambda_cpu", "--quick", "--row", "health", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "CPU per request" in done.stdout
    assert "health" in done.stdout
    (row,) = json.loads((tmp_path / "bench.json").read_text())["tables"][0]["rows"]
    assert len(row["ours"]) == len(row["peer"]) == 3
    assert report.markdown(report.load(tmp_path)) == (tmp_path / "bench.md").read_text()
    assert "<svg" in (tmp_path / "bench.svg").read_text()


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """A slow phase of the machine, which affects both sides, changes no ratio."""
    row = Row(name="n", unit="ms", ours=[1.0, 10.0, 2.0], peer=[2.0, 20.0, 4.0])
    assert row.ratios == [0.5, 0.5, 0.5]
    assert "| n | 0.50 |  | 2 ms | 4 ms |" in report.markdown([Table("T", [row])])


def test_a_row_where_the_peer_s_figure_is_zero_has_no_ratio() -> None:
    row = Row(name="n", unit="$", ours=[0.0], peer=[0.0], details={"ours": "0 calls", "peer": "0 calls"})
    assert "| n |  |  | 0 $ (0 calls) | 0 $ (0 calls) |" in report.markdown([Table("T", [row])])


def test_fewer_than_four_figures_spread_from_minimum_to_maximum() -> None:
    assert quartiles([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
