"""The audit in use: as a command, beside a service that writes, on events of any size."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from cfn.template.tables import LOGICAL_IDS
from storage import events
from storage.__main__ import main
from storage.audit import audit, event, reads
from storage.audit.event import chunks
from storage.audit.findings import Kind
from storage.audit.repair import REPAIRS, repair
from storage.dynamodb import tables as storage_tables
from storage.dynamodb.access import stack_tables
from storage.dynamodb.attributes import marshal, unmarshal
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.items import pointer_key, queue_item, registration_item, registration_key, seats_key, user_item
from storage.model import EventFields, Registration, User
from storage.schema import TABLE_VARIABLES
from tests.apparatus.corruptions import CORRUPTIONS, MADE, alter, fill
from tests.apparatus.server import running

ROOT = Path(__file__).parents[3]


def command(*arguments: str, tables: Tables, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m storage audit` on the tables."""
    names = {TABLE_VARIABLES[table]: name for table, name in tables.names.items()}
    return subprocess.run(
        [sys.executable, "-m", "storage", "audit", *arguments],
        cwd=ROOT,
        env={**os.environ, **names, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_finds_and_repairs_and_its_exit_code_shows_whether_violations_are_left(
    ministack_tables: Tables, store_url: str
) -> None:
    fill(ministack_tables)
    clean = command("--store", store_url, tables=ministack_tables)
    assert (clean.returncode, clean.stdout) == (0, "")
    assert "0 violations found." in clean.stderr

    CORRUPTIONS["the head of the queue is gone"].act(ministack_tables)
    CORRUPTIONS["the user is gone"].act(ministack_tables)
    found = command("--json", tables=ministack_tables, AWS_ENDPOINT_URL_DYNAMODB=store_url)
    assert found.returncode == 1
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    waiting, nobody = sorted(lines, key=lambda line: str(line["kind"]), reverse=True)
    assert waiting == {
        "table": "Registrations",
        "key": registration_key("e", "c"),
        "kind": "waiting-without-place",
        "finding": "this user waits at number 0, but has no place in the queue",
        "repaired": False,
    }
    assert nobody["advice"] == "create the user with this id again, or unregister this user"

    repaired = command("--repair", "--store", store_url, tables=ministack_tables)
    assert repaired.returncode == 1
    first, second = repaired.stdout.splitlines()
    assert first == (
        'Registrations {"pk": "EVENT#e", "sk": "USER#c"} waiting-without-place: '
        "this user waits at number 0, but has no place in the queue - repaired"
    )
    assert second.endswith("- create the user with this id again, or unregister this user")
    assert "2 violations found, 1 repaired, 1 left. " in repaired.stderr

    alter(ministack_tables, "Users", {"userId": "a"}, userId="a", name="A", createdAt=MADE)
    assert command("--repair", "--store", store_url, tables=ministack_tables).returncode == 0


def test_the_command_shows_the_expected_and_the_actual_reads(ministack_tables: Tables, store_url: str) -> None:
    fill(ministack_tables)
    said = command("--store", store_url, tables=ministack_tables).stderr
    assert "About 24 items to read, for about 36 read units.\n" in said
    assert " items read for " in said


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"},
            "check that it runs, AWS_ENDPOINT_URL_DYNAMODB",
        ),
        ({"EVENTS_TABLE": "NoSuchTable"}, "set EVENTS_TABLE, USERS_TABLE, REGISTRATIONS_TABLE, or use --stack"),
    ],
    ids=["no store", "no table"],
)
def test_an_audit_that_can_not_run_ends_with_2_and_advice(
    ministack_tables: Tables, store_url: str, more: dict[str, str], expected: str
) -> None:
    done = command(tables=ministack_tables, **{"AWS_ENDPOINT_URL_DYNAMODB": store_url, **more})
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["nonsense", "localhost:8000", "http://[", "http://127.0.0.1:99999"])
def test_an_audit_of_a_store_without_a_valid_url_ends_with_2_and_advice(
    capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert main(["audit", "--store", url]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: no call to the store: ")
    assert "the URL of the store is not valid" in printed.err


def test_an_audit_of_a_stack_behind_an_endpoint_without_a_valid_url_ends_with_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert main(["audit", "--stack", "events-api"]) == 2
    assert "the URL of the store is not valid" in capsys.readouterr().err


def test_help_lists_the_kinds_that_are_repaired_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["audit", "--help"])
    listed = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert listed & set(Kind) == set(REPAIRS)


def test_the_tables_of_a_stack_are_found_by_its_name() -> None:
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    outputs = {logical_id: {"Value": f"the-{name}"} for name, logical_id in LOGICAL_IDS.items()}
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name="us-east-1")
        template = json.dumps({"Resources": topic, "Outputs": outputs})
        cloudformation.create_stack(StackName="events-api", TemplateBody=template)
        names = stack_tables("events-api")
        assert names == {variable: f"the-{name}" for name, variable in TABLE_VARIABLES.items()}
        cloudformation.create_stack(StackName="other", TemplateBody=json.dumps({"Resources": topic}))
        with pytest.raises(LookupError, match="the stack other has no EventsTable"):
            stack_tables("other")
        cloudformation.delete_stack(StackName="events-api")


def crowd(tables: Tables, event_id: str, size: int) -> None:
    """Create an event with `size` registrations, one in ten of them confirmed and the others waiting."""
    chairs = size // 10
    fields = EventFields(
        title="T", description="D", date="2030-05-01", location="L", capacity=chairs, organizer="O", has_waitlist=True
    )
    events.create(tables, event_id, fields)
    items = []
    for number in range(size):
        user_id, seq = f"u{number:06d}", number - chairs
        status: Any = "waitlisted" if seq >= 0 else "confirmed"
        person = Registration(event_id=event_id, user_id=user_id, status=status, registered_at=MADE)
        items += [
            ("Users", user_item(User(user_id=user_id, name="N", created_at=MADE))),
            ("Registrations", registration_item(person, seq if seq >= 0 else None)),
            ("Registrations", pointer_key(user_id, event_id)),
        ]
        items += [("Registrations", queue_item(person, seq))] if seq >= 0 else []
    for part in chunks(items, 25):
        writes: Any = {}
        for table, item in part:
            writes.setdefault(tables.names[table], []).append({"PutRequest": {"Item": marshal(item)}})
        tables.client.batch_write_item(RequestItems=writes)
    alter(tables, "Events", seats_key(event_id), confirmed=chairs, waitlisted=size - chairs, nextSeq=size - chairs)


class Held(dict[str, Any]):
    """An item that counts the items in memory, now and at most."""

    now = most = 0

    def __init__(self, item: dict[str, Any]) -> None:
        """Add one to the count."""
        super().__init__(item)
        Held.now += 1
        Held.most = max(Held.most, Held.now)

    def __del__(self) -> None:
        """Subtract one from the count."""
        Held.now -= 1


def test_memory_does_not_grow_with_the_event(ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PAGE_ITEMS", 40)
    monkeypatch.setattr(event, "BATCH_KEYS", 20)
    monkeypatch.setattr("storage.audit.BATCH_KEYS", 20)
    for module in (reads, storage_tables):
        monkeypatch.setattr(module, "unmarshal", lambda item: Held(unmarshal(item)))
    most = []
    for size in (60, 600):
        crowd(ministack_tables, f"of-{size}", size)
        Held.most = 0
        assert list(audit(ministack_tables)) == []
        most.append(Held.most)
    small, large = most
    assert 40 < large <= small * 1.2


def count_three_too_many(tables: Tables) -> None:
    change = "ADD #confirmed :three"
    tables.retry(
        lambda _image: tables.transact(
            [Step(action="Update", table="Events", key=seats_key("e"), change=change, values={"three": 3})]
        )
    )


def test_a_repair_beside_a_service_that_takes_registrations_ends_clean(
    ministack_tables: Tables, store_url: str, tmp_path: Path
) -> None:
    """Twelve users come and go over HTTP while three corruptions are repaired: no registration is lost."""
    fill(ministack_tables)
    events.update(ministack_tables, "e", {"capacity": 6})
    names = {TABLE_VARIABLES[table]: name for table, name in ministack_tables.names.items()}
    with running(folder=tmp_path, **names, AWS_ENDPOINT_URL_DYNAMODB=store_url) as server:
        stop = threading.Event()
        here: dict[str, bool] = {}

        def come_and_go(user_id: str) -> None:
            with httpx.Client(base_url=server.url, timeout=60) as client:
                client.post("/users", json={"userId": user_id, "name": "N"})
                while not stop.is_set():
                    answer = client.post("/events/e/registrations", json={"userId": user_id})
                    here[user_id] = here.get(user_id, False) or answer.status_code == 201
                    if not stop.is_set() and client.delete(f"/events/e/registrations/{user_id}").status_code == 204:
                        here[user_id] = False

        people = [threading.Thread(target=come_and_go, args=(f"guest-{number:02d}",)) for number in range(12)]
        for person in people:
            person.start()
        try:
            for corrupt in (
                CORRUPTIONS["a pointer is gone"].act,
                # Not too few: with a count that is too low the service itself oversells.
                count_three_too_many,
                CORRUPTIONS["the registration of a seat is gone"].act,
            ):
                corrupt(ministack_tables)
                list(repair(ministack_tables))
        finally:
            stop.set()
            for person in people:
                person.join()
        assert server.stop() == 0
    assert not [done for done in repair(ministack_tables) if not done.repaired]
    assert list(audit(ministack_tables)) == []
    items = list(reads.scan(ministack_tables, "Registrations"))
    registered = {item["sk"] for item in items if item["pk"] == "EVENT#e" and item["sk"].startswith("USER#guest")}
    assert registered == {f"USER#{user_id}" for user_id, there in here.items() if there}
