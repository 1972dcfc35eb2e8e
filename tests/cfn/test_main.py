"""Every error at the command line is one line with the cause and the remedy."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cfn.__main__ import main

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return a function that runs a command with only the given AWS variables and returns its line of error."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def command(*arguments: str, **environ: str) -> str:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert main(list(arguments)) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("error: ")

    return command


_KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize("command", ["deploy", "destroy", "logs"])
def test_without_a_region_the_error_names_the_variable_that_sets_it(run: Run, command: str) -> None:
    assert run(command, "--stack", "demo", **_KEYS) == (
        "No AWS region: set AWS_DEFAULT_REGION, or give the profile a region."
    )


@pytest.mark.parametrize("command", ["deploy", "destroy", "logs"])
def test_without_credentials_the_error_explains_how_to_sign_in(run: Run, command: str) -> None:
    line = run(command, "--stack", "demo", AWS_DEFAULT_REGION="us-east-1")
    assert line == "No usable AWS credentials: set AWS_PROFILE, or sign in with `aws configure` or `aws sso login`."


@pytest.mark.parametrize("wrong", [["--parameter", "Foo=1"], ["--tag", "x"], ["--role-arn", "x"]])
def test_a_wrong_value_is_named_also_without_a_region(run: Run, wrong: list[str]) -> None:
    assert "region" not in run("deploy", "--stack", "demo", *wrong)


def test_a_folder_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run("package", "--output", str(tmp_path / "file")).startswith("[Errno 17] File exists")


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = [sys.executable, "-m", "cfn", "template"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == ""


def test_an_unreachable_endpoint_is_named(run: Run) -> None:
    nowhere = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    line = run("logs", "--stack", "demo", **_KEYS, **nowhere)
    assert '"http://127.0.0.1:1/" Check the network, and AWS_ENDPOINT_URL if it is set.' in line


def test_an_unknown_profile_is_answered_with_the_command_that_lists_profiles(run: Run) -> None:
    line = run("logs", "--stack", "demo", AWS_PROFILE="nobody")
    assert line.startswith("The config profile (nobody) could not be found: set AWS_PROFILE to a profile")


def test_an_invalid_stack_name_is_refused_without_credentials(run: Run) -> None:
    assert run("deploy", "--stack", "my stack", AWS_DEFAULT_REGION="us-east-1").startswith(
        "'my stack' is not a valid stack name"
    )
