"""Every command in the README can be run, and what it says to copy is valid."""

import json
import re
import shlex
from typing import Any

import pytest
import yaml

from cfn.arguments import parse
from cfn.package.checkout import ROOT

_README = (ROOT / "cfn" / "README.md").read_text()
_BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", _README, flags=re.MULTILINE | re.DOTALL)
_LINES = "\n".join(text for _, text in _BLOCKS).replace("\\\n", " ")
_COMMANDS = sorted(set(re.findall(r"(python -m cfn [a-z].*)", _LINES)))


@pytest.mark.parametrize("line", _COMMANDS)
def test_a_command_has_valid_arguments(line: str) -> None:
    arguments = shlex.split(line, comments=True)[3:]
    assert parse(arguments).command == arguments[0]


@pytest.fixture
def workflow() -> dict[str, Any]:
    (text,) = [text for language, text in _BLOCKS if language == "yaml"]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_workflow_signs_in_without_keys_and_deploys_one_at_a_time(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow["concurrency"] == "deploy-production"
    (job,) = workflow["jobs"].values()
    assert "aws-access-key-id" not in json.dumps(job)
    assert job["environment"] == "production"


def test_the_workflow_runs_one_of_two_commands(workflow: dict[str, Any]) -> None:
    (job,) = workflow["jobs"].values()
    conditions = [step["if"] for step in job["steps"] if "python -m cfn" in step.get("run", "")]
    assert conditions == ["inputs.command != 'rollback'", "inputs.command == 'rollback'"]


def test_the_trust_policy_names_the_environment_of_the_workflow(workflow: dict[str, Any]) -> None:
    (policy,) = [json.loads(text) for language, text in _BLOCKS if language == "json"]
    (statement,) = policy["Statement"]
    subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    (job,) = workflow["jobs"].values()
    assert subject.endswith(f":environment:{job['environment']}")
