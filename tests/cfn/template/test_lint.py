"""cfn-lint and checkov find nothing in the template."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from cfn.template.build import build_template

_CHECKOV = "3.3.30"
_SKIPPED = {
    "CKV_AWS_26": "CloudWatch may not use the AWS managed key of SNS, and the mails contain no secrets",
    "CKV_AWS_116": "API Gateway invokes synchronously: no event would reach a dead letter queue",
    "CKV_AWS_117": "DynamoDB is reached through IAM; a VPC would add a gateway to pay for and nothing to protect",
    "CKV_AWS_119": "the AWS managed key of DynamoDB encrypts the tables; another costs per request and month",
    "CKV_AWS_158": "CloudWatch encrypts every log with its own key; requests are logged without bodies",
    "CKV_AWS_173": "the environment contains names of tables and origins, which are not secret",
}


@pytest.mark.parametrize("throw_away", [False, True])
def test_cfn_lint_finds_nothing_not_even_informational(throw_away: bool) -> None:  # noqa: FBT001
    template = build_template("Release", throw_away=throw_away).to_json()
    assert lint(template, config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["I"])) == []


@pytest.mark.deployed
def test_checkov_fails_only_the_checks_that_are_skipped_with_a_reason(checkov: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(build_template("Release").to_json())
    options = ["--framework", "cloudformation", "--output", "json", "--skip-download"]
    command = [str(checkov), "--file", str(template), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {check["check_id"] for check in failed} == _SKIPPED.keys()


@pytest.fixture(scope="session")
def checkov() -> Path:
    """Install checkov in its own environment, because it pins an older boto3; kept between test runs."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "events-api", f"checkov-{_CHECKOV}")
    python, program = home / "bin" / "python", home / "bin" / "checkov"
    if not program.exists():
        venv.create(home, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", f"checkov=={_CHECKOV}"]
        subprocess.run(install, check=True, stdout=sys.stderr)
    return program
