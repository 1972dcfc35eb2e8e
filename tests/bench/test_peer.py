"""The service and the peer give the same answers, so that both are measured on the same work."""

import asyncio
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from handlers.app import create_app
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.client import EVENT, Client
from tests.apparatus.response_check import ResponseCheck
from tests.bench import dataset
from tests.bench.calls import CALLS, FULL, NEWCOMER, OPEN, QUEUED, REGULAR
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.workers import SIDES, Side, WorkerProcess, workers

pytest.importorskip("fastapi", reason="the peer needs the extra `bench`")

#: Fields whose values each side chooses itself: texts, times, versions, cursors.
_OWN = {"detail", "instance", "registeredAt", "createdAt", "updatedAt", "nextCursor"}
_HEADERS = ("content-type", "location", "etag", "access-control-allow-origin")


def alike(value: Any) -> Any:
    """Return an answer in comparable form: without texts and times that each side chooses, and with sorted errors."""
    if isinstance(value, dict):
        shown = {name: "…" if name in _OWN else alike(content) for name, content in value.items()}
        return {name: content for name, content in shown.items() if name not in {"instance", "title"}}
    if isinstance(value, list):
        entries = [alike(entry) for entry in value]
        return sorted(entries, key=str) if entries and "pointer" in entries[0] else entries
    return value


@pytest.fixture(scope="module")
def both() -> Iterator[dict[Side, WorkerProcess]]:
    with fake_dynamodb() as url, workers(url) as started:
        yield started


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_both_give_the_same_answer_to_each_measured_call(both: dict[Side, WorkerProcess], call: Any) -> None:
    answers = [both[side].do("answer", call=call.name) for side in SIDES]
    assert [answer["statusCode"] for answer in answers] == [call.status] * 2
    ours, peer = ({name: answer["headers"].get(name) for name in _HEADERS} for answer in answers)
    assert ours == peer
    ours, peer = (alike(json.loads(answer["body"])) for answer in answers)
    assert ours == peer


def test_both_give_the_same_answers_with_stubs_in_place_of_their_stores(both: dict[Side, WorkerProcess]) -> None:
    before = {(side, call.name): both[side].do("answer", call=call.name) for side in SIDES for call in CALLS}
    for side in SIDES:
        both[side].do("stub")
    for (side, name), answer in before.items():
        now = both[side].do("answer", call=name)
        assert now["statusCode"] == answer["statusCode"]
        assert alike(json.loads(now["body"])) == alike(json.loads(answer["body"])), (side, name)


@pytest.fixture(scope="module")
def sides(moto_connection: Tables) -> Iterator[list[Client]]:
    """Create the data set once, and return a client of each application on it."""
    moto_connection.create_missing()
    dataset.fill(moto_connection)
    # Importing the peer creates mangum, which creates an event loop if there is none, and never closes it.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    peer = import_module("tests.bench.peer.main").app
    yield [Client(ResponseCheck(create_app(moto_connection))), Client(peer)]
    asyncio.set_event_loop(None)
    loop.close()
    for table in TABLES:
        moto_connection.client.delete_table(TableName=table)


def _pages(client: Client, path: str, name: str, key: str) -> list[list[str]]:
    """Return the ids on each page of a list."""
    pages, cursor = [], ""
    while True:
        answer = client.get(f"{path}{cursor}").json()
        pages.append([entry[key] for entry in answer[name]])
        if "nextCursor" not in answer:
            return pages
        cursor = f"&cursor={answer['nextCursor']}"


@pytest.mark.parametrize(
    ("path", "name", "several"),
    [
        ("/events?limit=30", "events", True),
        ("/events?status=active&limit=60", "events", True),
        ("/events?from=2030-05-02", "events", False),
        (f"/users/{REGULAR}/registrations?limit=20", "registrations", True),
        (f"/users/{REGULAR}/registrations?limit=50", "registrations", False),
        ("/users/early/registrations?limit=20", "registrations", False),
    ],
)
def test_both_give_the_same_pages(sides: list[Client], path: str, name: str, several: bool) -> None:  # noqa: FBT001 - a case
    ours, peer = (_pages(client, path, name, "eventId") for client in sides)
    assert ours == peer
    assert (len(ours) > 1) is several


REQUESTS = [
    ("GET", "/events/nothing", None),
    ("GET", "/events/a b", None),
    ("GET", "/events?limit=0", None),
    ("GET", "/events?page=2", None),
    ("GET", "/users/nobody/registrations", None),
    ("POST", "/events", {**EVENT, "eventId": OPEN}),
    ("POST", "/events/nothing/registrations", {"userId": NEWCOMER}),
    ("POST", f"/events/{OPEN}/registrations", {"userId": "nobody"}),
    ("POST", f"/events/{OPEN}/registrations", {"user": "nobody"}),
    ("POST", f"/events/{FULL}/registrations", {"userId": NEWCOMER}),
    ("POST", f"/events/{dataset.REGULAR_EVENT_IDS[0]}/registrations", {"userId": REGULAR}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_both_refuse_with_the_same_problem(sides: list[Client], method: str, path: str, body: Any) -> None:
    answers = [client.request(method, path, json=body) for client in sides]
    assert answers[0].status_code == answers[1].status_code >= 400
    assert alike(answers[0].json()) == alike(answers[1].json())


def test_both_register_and_queue_on_the_same_data(sides: list[Client]) -> None:
    ours, peer = sides
    ours.create_users("ann", "bob")
    path = f"/events/{QUEUED}/registrations"
    assert peer.post(path, json={"userId": "ann"}).json()["waitlistPosition"] == 1
    assert ours.post(path, json={"userId": "bob"}).json()["waitlistPosition"] == 2
    again = [client.post(path, json={"userId": "bob"}).json()["registration"] for client in sides]
    assert again[0] == again[1]
    assert peer.post(f"/events/{OPEN}/registrations", json={"userId": "ann"}).json()["status"] == "confirmed"
    pages = [client.get("/users/ann/registrations").json() for client in sides]
    assert pages[0] == pages[1]
    made = [client.post("/events", json={**EVENT, "eventId": f"made-{number}"}) for number, client in enumerate(sides)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert peer.get("/events/made-0").json() == ours.get("/events/made-0").json()
    assert peer.get("/events/made-1").json() == ours.get("/events/made-1").json()


def test_both_give_the_same_answers_to_all_other_operations(sides: list[Client]) -> None:
    """Each side uses an event of its own, which differs only in its id."""
    answers = [_rest(client, f"rest-{number}") for number, client in enumerate(sides)]
    assert answers[0] == answers[1]
    assert [status for status, _body in answers[0]][-1] == 404, "the event is gone"


def _rest(client: Client, event_id: str) -> list[tuple[int, Any]]:
    """Call the operations that are not measured, and return their answers."""
    users = [f"{event_id}-{number}" for number in range(3)]
    path = f"/events/{event_id}"
    steps: list[tuple[str, str, Any]] = [
        ("GET", "/health", None),
        ("POST", "/events", {**EVENT, "eventId": event_id}),
        *(("POST", "/users", {"userId": user, "name": "Somebody"}) for user in users),
        ("POST", "/users", {"userId": users[0], "name": "Somebody"}),
        ("GET", f"/users/{users[0]}", None),
        ("PUT", path, {"capacity": 1, "title": "Smaller"}),
        *(("POST", "/registrations", {"userId": user, "eventId": event_id}) for user in users),
        ("PUT", path, {"status": "ongoing"}),
        ("DELETE", path, None),
        ("GET", f"{path}/registrations", None),
        ("GET", f"{path}/registrations?status=waitlisted", None),
        ("GET", f"{path}/registrations/{users[2]}", None),
        ("DELETE", f"{path}/registrations/{users[0]}", None),
        ("GET", f"{path}/registrations?status=confirmed", None),
        ("DELETE", f"/registrations/{users[2]}/{event_id}", None),
        ("DELETE", f"{path}/registrations/{users[1]}", None),
        ("DELETE", f"{path}/registrations/{users[1]}", None),
        ("GET", path, None),
        ("DELETE", path, None),
        ("GET", path, None),
    ]
    answers = [client.request(method, where, json=body) for method, where, body in steps]
    return [
        (answer.status_code, alike(json.loads(answer.text.replace(event_id, "rest") or "null"))) for answer in answers
    ]
