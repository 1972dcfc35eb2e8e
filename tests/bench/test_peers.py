"""The service and its peers give the same answers, so that all are measured on the same work."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from storage.embedded import embedded_store
from tests.apparatus.client import EVENT
from tests.bench import dataset
from tests.bench.calls import CALLS, FULL, NEWCOMER, OPEN, QUEUED, REGULAR, Call
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.workers import SIDES, Side, WorkerProcess, environment, workers

pytest.importorskip("fastapi", reason="the peers need the extra `bench`")
pytest.importorskip("aws_lambda_powertools", reason="the peers need the extra `bench`")

Workers = Mapping[Side, WorkerProcess]

#: The sides with all operations, and with validation: all but the floor.
_COMPLETE = tuple(side for side in SIDES if side != "bare")
#: Fields whose values each side chooses itself: texts, times, cursors.
_OWN = {"detail", "registeredAt", "promotedAt", "createdAt", "updatedAt", "nextCursor"}
#: A new event's id and version, which each side chooses itself.
_CHOSEN = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16}")
_HEADERS = ("content-type", "location", "etag", "access-control-allow-origin")


def alike(value: Any) -> Any:
    """Return an answer in comparable form: without texts and times that each side chooses, and with sorted errors."""
    if isinstance(value, dict):
        shown = {name: "…" if name in _OWN else alike(content) for name, content in value.items()}
        return {name: content for name, content in shown.items() if name not in {"instance", "title"}}
    if isinstance(value, list):
        entries = [alike(entry) for entry in value]
        return sorted(entries, key=str) if entries and "pointer" in entries[0] else entries
    return _CHOSEN.sub("…", value) if isinstance(value, str) else value


def answer(worker: WorkerProcess, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send any request, and return the status and the document of its answer."""
    path, _mark, query = path.partition("?")
    found = worker.do("answer", Call("any", method, path, status=0, query=query, body=body))
    return found["statusCode"], json.loads(found.get("body") or "null")


@pytest.fixture(scope="module")
def measured() -> Iterator[Workers]:
    """Run all sides on fixed responses."""
    with fake_dynamodb() as url, workers(environment(url)) as started:
        yield started


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_all_sides_give_the_same_answer_to_each_measured_call(measured: Workers, call: Call) -> None:
    answers = {
        side: worker.do("answer", call) for side, worker in measured.items() if side in _COMPLETE or not call.validated
    }
    for side, found in answers.items():
        assert found["statusCode"] == call.status, side
        assert _headers(found) == _headers(answers["ours"]), side
        assert alike(json.loads(found["body"])) == alike(json.loads(answers["ours"]["body"])), side


def _headers(found: Any) -> dict[str, str]:
    """Return the headers that clients rely on."""
    several = {name: ",".join(values) for name, values in found.get("multiValueHeaders", {}).items()}
    headers = {name.lower(): value for name, value in {**several, **found["headers"]}.items()}
    return {name: _CHOSEN.sub("…", headers[name]) for name in _HEADERS if name in headers}


@pytest.fixture(scope="module")
def sides() -> Iterator[Workers]:
    """Run the complete sides on the same tables."""
    with embedded_store() as url:
        dataset.create(url)
        with workers(environment(url), _COMPLETE) as started:
            yield started


def _pages(worker: WorkerProcess, path: str, name: str) -> list[list[str]]:
    """Return the ids on each page of a list."""
    pages, cursor = [], ""
    while True:
        _status, document = answer(worker, "GET", f"{path}{cursor}")
        pages.append([entry["eventId"] for entry in document[name]])
        if "nextCursor" not in document:
            return pages
        cursor = f"&cursor={document['nextCursor']}"


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
def test_all_sides_give_the_same_pages(sides: Workers, path: str, name: str, several: bool) -> None:  # noqa: FBT001 - a case
    pages = {side: _pages(worker, path, name) for side, worker in sides.items()}
    assert all(found == pages["ours"] for found in pages.values()), pages
    assert (len(pages["ours"]) > 1) is several


REQUESTS = [
    ("GET", "/events/nothing", None),
    ("GET", "/events/a b", None),
    ("GET", "/events?limit=0", None),
    ("GET", "/users/nobody/registrations", None),
    ("POST", "/events", {**EVENT, "eventId": OPEN}),
    ("POST", "/events/nothing/registrations", {"userId": NEWCOMER}),
    ("POST", f"/events/{OPEN}/registrations", {"userId": "nobody"}),
    ("POST", f"/events/{OPEN}/registrations", {"userId": "nobody", "user": "nobody"}),
    ("POST", f"/events/{FULL}/registrations", {"userId": NEWCOMER}),
    ("POST", f"/events/{dataset.REGULAR_EVENT_IDS[0]}/registrations", {"userId": REGULAR}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_all_sides_refuse_with_the_same_problem(sides: Workers, method: str, path: str, body: Any) -> None:
    problems = {side: answer(worker, method, path, body) for side, worker in sides.items()}
    for side, (status, document) in problems.items():
        assert status == problems["ours"][0] >= 400, side
        assert alike(document) == alike(problems["ours"][1]), side


def test_only_powertools_accepts_an_unknown_query_parameter_that_the_model_forbids(sides: Workers) -> None:
    problems = {side: answer(worker, "GET", "/events?page=2") for side, worker in sides.items()}
    assert {side: status for side, (status, _document) in problems.items() if status != 422} == {"powertools": 200}
    documents = [alike(document) for side, (_status, document) in problems.items() if side != "powertools"]
    assert all(document == documents[0] for document in documents)


def test_all_sides_register_and_queue_on_the_same_data(sides: Workers) -> None:
    path = f"/events/{QUEUED}/registrations"
    for place, (side, worker) in enumerate(sides.items(), 1):
        user = {"userId": f"waiting-{side}"}
        assert answer(worker, "POST", "/users", {**user, "name": "Ann"})[0] == 201
        assert answer(worker, "POST", path, user)[1]["waitlistPosition"] == place
        assert answer(worker, "POST", f"/events/{OPEN}/registrations", user)[1]["status"] == "confirmed"
        again = [answer(other, "POST", path, user)[1]["registration"] for other in sides.values()]
        pages = [answer(other, "GET", f"/users/{user['userId']}/registrations") for other in sides.values()]
        assert answer(worker, "POST", "/events", {**EVENT, "eventId": f"made-{side}"})[0] == 201
        made = [answer(other, "GET", f"/events/made-{side}") for other in sides.values()]
        for found in (again, pages, made):
            assert all(one == found[0] for one in found), side


def test_all_sides_give_the_same_answers_to_all_other_operations(sides: Workers) -> None:
    """Each side uses an event of its own, which differs only in its id."""
    answers = {side: _rest(worker, f"rest-{number}") for number, (side, worker) in enumerate(sides.items())}
    for side, found in answers.items():
        assert found == answers["ours"], side
    assert answers["ours"][-1][0] == 404, "the event is gone"


def _rest(worker: WorkerProcess, event_id: str) -> list[tuple[int, Any]]:
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
    answers = [answer(worker, *step) for step in steps]
    return [(status, alike(json.loads(json.dumps(document).replace(event_id, "rest")))) for status, document in answers]
