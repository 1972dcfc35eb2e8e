"""The peer gives the answers that we give, so that both are measured on the same work."""

import asyncio
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from storage.tables import Tables
from tests.bench import ledger
from tests.bench.calls import CALLS, FULL, NEWCOMER, OPEN, QUEUED, REGULAR
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.sides import SIDES, Remote, Side, workers
from tests.client import EVENT, Client

pytest.importorskip("fastapi", reason="the peer needs the extra `bench`")

#: What each side words, numbers or dates itself.
_OWN = {"detail", "instance", "registeredAt", "createdAt", "updatedAt", "nextCursor"}
_HEADERS = ("content-type", "location", "etag", "access-control-allow-origin")


def alike(value: Any) -> Any:
    """Return an answer without what each side may say in its own way; of the errors, where they are."""
    if isinstance(value, dict):
        shown = {name: "…" if name in _OWN else alike(content) for name, content in value.items()}
        return {name: content for name, content in shown.items() if name not in {"instance", "title"}}
    if isinstance(value, list):
        entries = [alike(entry) for entry in value]
        return sorted(entries, key=str) if entries and "pointer" in entries[0] else entries
    return value


@pytest.fixture(scope="module")
def both() -> Iterator[dict[Side, Remote]]:
    with fake_dynamodb() as url, workers(url) as started:
        yield started


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_both_answer_what_is_measured_alike(both: dict[Side, Remote], call: Any) -> None:
    answers = [both[side].do("answer", call=call.name) for side in SIDES]
    assert [answer["statusCode"] for answer in answers] == [call.status] * 2
    ours, peer = ({name: answer["headers"].get(name) for name in _HEADERS} for answer in answers)
    assert ours == peer
    ours, peer = (alike(json.loads(answer["body"])) for answer in answers)
    assert ours == peer


def test_both_answer_the_same_without_their_stores(both: dict[Side, Remote]) -> None:
    before = {(side, call.name): both[side].do("answer", call=call.name) for side in SIDES for call in CALLS}
    for side in SIDES:
        both[side].do("stub")
    for (side, name), answer in before.items():
        now = both[side].do("answer", call=name)
        assert now["statusCode"] == answer["statusCode"]
        assert alike(json.loads(now["body"])) == alike(json.loads(answer["body"])), (side, name)


@pytest.fixture(scope="module")
def peer_app(moto_tables: Tables) -> Iterator[Any]:  # noqa: ARG001 - it puts moto in place of DynamoDB
    """Load the peer; mangum leaves the event loop open that it makes where there is none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield import_module("tests.bench.peer.main").app
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def sides(tables: Tables, client: Client, peer_app: Any) -> list[Client]:
    """Fill in the data, and make a client of each application on it."""
    ledger.fill(tables)
    return [client, Client(peer_app)]


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
    ("path", "name"),
    [
        ("/events?limit=30", "events"),
        ("/events?limit=50", "events"),
        ("/events?status=active&limit=60", "events"),
        ("/events?from=2030-05-02", "events"),
        (f"/users/{REGULAR}/registrations?limit=20", "registrations"),
        (f"/users/{NEWCOMER}/registrations?limit=20", "registrations"),
    ],
)
def test_both_give_the_same_pages(sides: list[Client], path: str, name: str) -> None:
    ours, peer = (_pages(client, path, name, "eventId") for client in sides)
    assert ours == peer
    assert len(ours) == {"30": 4, "50": 2, "60": 2, "20": 3 if REGULAR in path else 1}.get(path[-2:], 1)


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
    ("POST", f"/events/{ledger.REGULARS[0]}/registrations", {"userId": REGULAR}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_both_refuse_alike(sides: list[Client], method: str, path: str, body: Any) -> None:
    answers = [client.request(method, path, json=body) for client in sides]
    assert answers[0].status_code == answers[1].status_code >= 400
    assert alike(answers[0].json()) == alike(answers[1].json())


def test_both_give_seats_and_places_in_the_queue_on_the_same_data(sides: list[Client]) -> None:
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
