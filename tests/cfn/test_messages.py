"""Whatever goes wrong at the command line is one line that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cfn.__main__ import main
from cfn.errors import CommandError
from cfn.stack.deploy import parse_parameters
from cfn.stack.explain import explain
from cfn.stack.lookup import check_name, updatable

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run one command with nothing of boto3 in the environment but what is given, and return its one line of error."""
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
def test_without_a_region_it_says_which_variable_sets_one(run: Run, command: str) -> None:
    assert run(command, "--stack", "demo", **_KEYS) == (
        "No AWS region: set AWS_DEFAULT_REGION, or give the profile a region."
    )


@pytest.mark.parametrize("command", ["deploy", "destroy", "logs"])
def test_without_credentials_it_says_how_to_sign_in(run: Run, command: str) -> None:
    line = run(command, "--stack", "demo", AWS_DEFAULT_REGION="us-east-1")
    assert line == "No usable AWS credentials: set AWS_PROFILE, or sign in with `aws configure` or `aws sso login`."


def test_a_misspelt_region_is_met_with_those_that_are_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-est-1")
    line = explain(EndpointConnectionError(endpoint_url="https://cloudformation.us-est-1.amazonaws.com/"))
    assert "There is no known region 'us-est-1': did you mean" in line
    assert "us-east-1" in line


def test_an_endpoint_that_does_not_answer_is_named(run: Run) -> None:
    nowhere = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    line = run("logs", "--stack", "demo", **_KEYS, **nowhere)
    assert '"http://127.0.0.1:1/" Check the network, and AWS_ENDPOINT_URL if it is set.' in line


def test_an_unknown_profile_leads_to_the_list_of_profiles(run: Run) -> None:
    line = run("logs", "--stack", "demo", AWS_PROFILE="nobody")
    assert line.startswith("The config profile (nobody) could not be found: set AWS_PROFILE to a profile")


@pytest.mark.parametrize("name", ["my stack", "1st", "under_score", "x" * 129, ""])
def test_an_illegal_stack_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(
        CommandError, match=r"is no stack name: use letters, digits and hyphens, a letter first, at most 128"
    ):
        check_name(name)


def test_an_illegal_stack_name_needs_no_account(run: Run) -> None:
    assert run("deploy", "--stack", "my stack", AWS_DEFAULT_REGION="us-east-1").startswith(
        "'my stack' is no stack name"
    )


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("MemorySise=1", "There is no parameter 'MemorySise'; did you mean MemorySize?"),
        ("MemorySize", "'MemorySize' is no parameter: write NAME=VALUE"),
        ("Zzz=1", "There is no parameter 'Zzz'; there are CodeBucket, CodeKey, StageName"),
    ],
)
def test_a_wrong_parameter_is_met_with_the_right_one(given: str, answer: str) -> None:
    with pytest.raises(CommandError, match=answer):
        parse_parameters([given])


def test_the_value_of_a_parameter_may_hold_an_equals_sign() -> None:
    assert parse_parameters(["CorsOrigins=https://a.example,https://b.example", "AlarmEmail=a=b@c.example"]) == {
        "CorsOrigins": "https://a.example,https://b.example",
        "AlarmEmail": "a=b@c.example",
    }


class _Stacks:
    """An account with one stack in one status."""

    def __init__(self, status: str) -> None:
        self.stacks = self
        self._status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - the name that boto3 gives it
        return {"Stacks": [{"StackName": StackName, "StackStatus": self._status}]}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (
            "ROLLBACK_COMPLETE",
            "is in ROLLBACK_COMPLETE and can only be deleted: run `python -m cfn destroy --stack demo`",
        ),
        ("DELETE_FAILED", "is in DELETE_FAILED and can only be deleted"),
        ("UPDATE_ROLLBACK_FAILED", "run `aws cloudformation continue-update-rollback --stack-name demo`"),
        ("UPDATE_IN_PROGRESS", "is in UPDATE_IN_PROGRESS: wait until that has ended"),
    ],
)
def test_a_stack_that_cannot_be_updated_says_what_to_do(status: str, answer: str) -> None:
    with pytest.raises(CommandError, match=answer):
        updatable(_Stacks(status), "demo")  # type: ignore[arg-type] # it has the one method that is called


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_at_rest_can_be_updated(status: str) -> None:
    assert updatable(_Stacks(status), "demo") is not None  # type: ignore[arg-type] # as above


def test_a_mere_plan_of_a_stack_is_no_stack_yet() -> None:
    assert updatable(_Stacks("REVIEW_IN_PROGRESS"), "demo") is None  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("ExpiredToken", "AWS refuses these credentials in this region (ExpiredToken): set AWS_PROFILE, or sign in"),
        ("InvalidClientTokenId", "and check AWS_DEFAULT_REGION."),
        ("AccessDenied", "These credentials may not do DescribeStacks: no rights for you"),
        ("ValidationError", "DescribeStacks failed (ValidationError): no rights for you"),
    ],
)
def test_a_refusal_of_aws_is_one_line(code: str, answer: str) -> None:
    line = explain(ClientError({"Error": {"Code": code, "Message": "no rights\n for you"}}, "DescribeStacks"))
    assert answer in line
    assert "\n" not in line
