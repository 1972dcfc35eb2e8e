"""cfn-lint finds nothing in the template, and checkov and cdk-nag only what is waived here with a reason."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from cfn.package.checkout import ROOT
from cfn.template.build import build_template

_CHECKOV: Final = ("checkov==3.3.30",)
_NAG: Final = ("cdk-nag==3.0.2", "aws-cdk-lib==2.275.0")
_CHECKOV_WAIVED: Final = {
    "CKV_AWS_26": "CloudWatch may not use the AWS managed key of SNS, and the mails contain no secrets",
    "CKV_AWS_27": "SQS encrypts the queues with a key of its own; EventBridge may not use the AWS managed key",
    "CKV_AWS_115": "a shard has one publisher at a time, and MaximumConcurrency bounds the senders",
    "CKV_AWS_116": "what is invoked asynchronously continues a promotion; an alarm counts what Lambda gives up",
    "CKV_AWS_117": "DynamoDB is reached through IAM; a VPC would add a gateway to pay for and nothing to protect",
    "CKV_AWS_119": "DynamoDB encrypts the tables with a key of its own; another costs per request and month",
    "CKV_AWS_158": "CloudWatch encrypts every log with its own key; requests are logged without bodies",
    "CKV_AWS_173": "the environment contains names of tables and origins, which are not secret",
}
_NAG_WAIVED: Final = {
    "Serverless-LambdaDLQ": _CHECKOV_WAIVED["CKV_AWS_116"],
    "Serverless-LambdaLatestVersion": "the lock and the bytecode are for Python 3.13, which Lambda supports until 2029",
    "AwsSolutions-SQS3": "queues of what failed have no queue for what fails there; a command sends it again",
    "Serverless-SQSRedrivePolicy": "the same rule in the other pack",
    "Serverless-LambdaEventSourceMappingDestination": "a queue has dead letters instead; the stream has it",
    "AwsSolutions-L1": "the same rule in the other pack",
    "Serverless-LambdaTracing": "traces cost money in every month with traffic; Tracing=Active switches them on",
    "AwsSolutions-IAM5[Resource::*]": "X-Ray has no permissions on single resources, and traces are off by default",
    "AwsSolutions-IAM5[Resource::<Function.Arn>:*]": "a release moves the alias to versions whose numbers are new",
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*]": (
        "CodeDeploy looks at the alarms, whose names CloudFormation makes; it may only read their states"
    ),
    "AwsSolutions-APIG4": "the API is public, as the README says in its first lines; an authorizer goes on the routes",
}


@pytest.mark.parametrize("throw_away", [False, True])
def test_cfn_lint_finds_nothing_not_even_informational(throw_away: bool) -> None:  # noqa: FBT001
    template = build_template("Release", throw_away=throw_away).to_json()
    assert lint(template, config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["I"])) == []


@pytest.mark.deployed
def test_checkov_fails_only_the_checks_that_are_waived_with_a_reason(template: Path) -> None:
    options = ["--framework", "cloudformation", "--output", "json", "--skip-download"]
    command = [str(_installed(*_CHECKOV) / "checkov"), "--file", str(template), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {check["check_id"] for check in failed} == _CHECKOV_WAIVED.keys()


@pytest.mark.deployed
def test_cdk_nag_finds_only_what_is_waived_with_a_reason(template: Path) -> None:
    """A rule that fails on a resource counts as a violation: it would find nothing there for good."""
    command = [str(_installed(*_NAG) / "python"), str(ROOT / "tests" / "apparatus" / "nag.py"), str(template)]
    quiet = {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert {rule for rule, _resource in found} == _NAG_WAIVED.keys(), found


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.json"
    path.write_text(build_template("Release").to_json())
    return path


def _installed(*packages: str) -> Path:
    """Install programs in an environment of their own, as they pin what we use too; it is kept between test runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "events-api")
    home = cache / "-".join(packages).replace("==", "-")
    if not (home / "complete").exists():
        venv.create(home, with_pip=True, clear=True)
        install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(install, check=True, stdout=sys.stderr)
        (home / "complete").touch()
    return home / "bin"
