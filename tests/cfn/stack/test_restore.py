"""The restore drill of cfn/README.md: three restored tables are used, repaired, and people can register."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cfn.package.build import Package
from cfn.package.checkout import ROOT
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.settings import StackSettings
from cfn.template.tables import LOGICAL_IDS, NAME_PARAMETERS
from tests.apparatus.deployed import Client

pytestmark = pytest.mark.deployed

_STACK = "drill"
_EVENT = {
    "eventId": "e",
    "title": "T",
    "description": "D",
    "date": "2030-05-01",
    "location": "L",
    "capacity": 2,
    "organizer": "O",
    "hasWaitlist": True,
}


def _restore(aws: Aws, table: str, moment: datetime) -> str:
    """Restore a table under a new name; ministack copies what is in it now, whatever the moment."""
    source = lookup.outputs(lookup.get_stack(aws, _STACK))[LOGICAL_IDS[table]]
    target = f"{_STACK}-{table}-restored"
    aws.client("dynamodb").restore_table_to_point_in_time(
        SourceTableName=source, TargetTableName=target, RestoreDateTime=moment
    )
    return target


def _audit(aws: Aws, *options: str) -> "subprocess.CompletedProcess[str]":
    access = {
        "AWS_ENDPOINT_URL": str(aws.emulator_url),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": aws.region,
    }
    command = [sys.executable, "-m", "storage", "audit", "--stack", _STACK, *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **access}, capture_output=True, text=True, check=False)


def test_people_can_register_on_tables_that_were_restored_and_repaired(
    aws: Aws, host_package: Package, console: Console
) -> None:
    call = Client(deploy(aws, StackSettings(_STACK), host_package, console))
    assert call("POST", "/events", _EVENT)[0] == 201
    for user in ("ada", "barbara", "grace", "alan"):
        assert call("POST", "/users", {"userId": user, "name": user})[0] == 201
    for user in ("ada", "barbara", "grace"):
        assert call("POST", "/registrations", {"userId": user, "eventId": "e"})[0] == 201

    # A restore of several tables to one moment may cut through a transaction. Here Ada leaves, and Grace gets her seat,
    # between the restore of two tables and that of the third.
    moment = datetime.now(UTC)
    restored = {table: _restore(aws, table, moment) for table in ("Events", "Users")}
    assert call("DELETE", "/registrations/ada/e")[0] == 204
    restored["Registrations"] = _restore(aws, "Registrations", moment)
    assert call("DELETE", "/registrations/barbara/e")[0] == 204  # After the moment: it is undone.

    names = {NAME_PARAMETERS[table]: name for table, name in restored.items()}
    call = Client(deploy(aws, StackSettings(_STACK, names), host_package, console))
    assert _audit(aws).returncode == 1
    repaired = _audit(aws, "--repair")
    assert (repaired.returncode, "0 left" in repaired.stderr) == (0, True)

    assert [call("GET", f"/events/e/registrations/{user}")[0] for user in ("ada", "barbara", "grace")] == [
        404,
        200,
        200,
    ]
    status, alan, _ = call("POST", "/registrations", {"userId": "alan", "eventId": "e"})
    assert (status, alan["status"], alan["waitlistPosition"]) == (201, "waitlisted", 1)
    event = call("GET", "/events/e")[1]
    assert (event["confirmedCount"], event["waitlistCount"]) == (2, 1)
    assert _audit(aws).returncode == 0
