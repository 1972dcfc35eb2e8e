"""Tools that know AWS find nothing in the template."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from cfn.template.build import build

_CHECKOV = "3.3.30"
_SKIPPED = {
    "CKV_AWS_26": "CloudWatch may not use the AWS key of SNS, and the mails say nothing that is secret",
    "CKV_AWS_116": "API Gateway waits for the answer: there is no event that a dead letter queue could keep",
    "CKV_AWS_117": "DynamoDB is reached through IAM; a VPC would add a gateway to pay for and nothing to protect",
    "CKV_AWS_119": "the AWS key of DynamoDB encrypts the tables; an own one costs by the request and by the month",
    "CKV_AWS_158": "CloudWatch encrypts every log with its own key; requests are logged without bodies",
    "CKV_AWS_173": "the environment holds names of tables and origins, which are no secret",
}


@pytest.mark.parametrize("throw_away", [False, True])
def test_cfn_lint_has_nothing_to_say_not_even_for_information(throw_away: bool) -> None:  # noqa: FBT001
    template = build("Release", throw_away=throw_away).to_json()
    assert lint(template, config=ManualArgs(regions=["us-east-1", "eu-central-1"], include_checks=["I"])) == []


@pytest.mark.deployed
def test_checkov_fails_nothing_but_what_is_skipped_for_a_reason(checkov: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(build("Release").to_json())
    options = ["--framework", "cloudformation", "--output", "json", "--skip-download"]
    command = [str(checkov), "--file", str(template), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {check["check_id"] for check in failed} == _SKIPPED.keys()


@pytest.fixture(scope="session")
def checkov() -> Path:
    """Checkov in an environment of its own, for it pins a boto3 that is older than ours; kept between runs."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "events-api", f"checkov-{_CHECKOV}")
    python, program = home / "bin" / "python", home / "bin" / "checkov"
    if not program.exists():
        venv.create(home, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", f"checkov=={_CHECKOV}"]
        subprocess.run(install, check=True, stdout=sys.stderr)
    return program
