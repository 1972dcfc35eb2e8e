"""The whole service over HTTP on ministack: a first session, a restart, and a race for seats."""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template
from typing import Any

import httpx
import pytest

from storage import audit, event_deletion, events, registration_lists, registrations, users
from storage.dynamodb.tables import Tables
from storage.errors import (
    AlreadyRegistered,
    EventClosed,
    EventFull,
    EventHasRegistrations,
    EventNotFound,
    UserNotFound,
)
from storage.model import EventFields
from tests.apparatus.server import COMMAND, environ, running
from tests.apparatus.story import STORY, STORY_WITH_TOKENS


def curl(command: str, **variables: str) -> tuple[int, str]:
    """Send the request of a curl command, and return the status and body of its response."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-X", default="GET")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    parser.add_argument("url")
    options = parser.parse_args(shlex.split(Template(command).substitute(variables))[1:])
    headers = dict(header.split(": ") for header in options.H)
    answer = httpx.request(options.X, options.url, headers=headers, content=options.d)
    return answer.status_code, answer.text


def test_the_first_session_works_and_its_data_survives_a_restart(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        tell(STORY, URL=server.url)
        before = [httpx.get(f"{server.url}{path}").json() for path in LASTING]
        assert server.stop() == 0
    with running(folder=tmp_path) as again:
        assert [httpx.get(f"{again.url}{path}").json() for path in LASTING] == before


def test_a_session_with_tokens_lets_people_act_for_themselves_and_organizers_for_their_events(tmp_path: Path) -> None:
    tokens = {name.upper(): token(name, folder=tmp_path) for name in ("ann", "bob")}
    tokens |= {name.upper(): token(name, "--organizer", folder=tmp_path) for name in ("olga", "oscar")}
    with running("--auth", folder=tmp_path) as server:
        tell(STORY_WITH_TOKENS, URL=server.url, **tokens)


def tell(story: list[tuple[str, int, str]], **variables: str) -> None:
    """Run the commands of a story, each with its expected answer."""
    for command, status, expected in story:
        got, body = curl(command, **variables)
        assert (got, bool(re.search(expected, body))) == (status, True), f"{command}\n{got} {body}"


def token(*words: str, folder: Path) -> str:
    """Return the token that `events-api token` prints."""
    command = [*COMMAND, "token", *words]
    return subprocess.run(command, cwd=folder, env=environ(), capture_output=True, text=True, check=True).stdout.strip()


LASTING = ("/events", "/events/tech-conf-2024", "/users/user-123", "/events/tech-conf-2024/registrations")
CLIENTS = 16
SEATS = 20
PEOPLE = [f"user-{number:02d}" for number in range(48)]


@pytest.fixture
def at_once() -> Callable[[Callable[[str], Any]], list[Any]]:
    """Return a function that runs an action for each person, with 16 concurrent clients."""

    def act(action: Callable[[str], Any]) -> list[Any]:
        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(action, PEOPLE))

    return act


def test_sixteen_clients_compete_for_twenty_seats_and_then_everybody_leaves(
    tmp_path: Path, ministack_tables: Tables, store_url: str, at_once: Callable[[Callable[[str], Any]], list[Any]]
) -> None:
    names = {f"{table.upper()}_TABLE": name for table, name in ministack_tables.names.items()}
    store = {**names, "AWS_ENDPOINT_URL_DYNAMODB": store_url}
    with running(folder=tmp_path, **store) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        event = {"eventId": "hot", "title": "T", "description": "D", "date": "2030-05-01", "location": "L"}
        client.post("/events", json={**event, "capacity": SEATS, "organizer": "O", "hasWaitlist": True})
        at_once(lambda user_id: client.post("/users", json={"userId": user_id, "name": "N"}))

        def retry(action: Callable[[], httpx.Response]) -> httpx.Response:
            answer = action()
            while answer.status_code == 503:
                assert answer.json()["title"] == "Contention"
                answer = action()
            return answer

        def register(user_id: str) -> httpx.Response:
            return retry(lambda: client.post("/events/hot/registrations", json={"userId": user_id}))

        def leave(user_id: str) -> httpx.Response:
            return retry(lambda: client.delete(f"/events/hot/registrations/{user_id}"))

        answers = at_once(register)
        assert {answer.status_code for answer in answers} == {201}
        assert sum(answer.json()["status"] == "confirmed" for answer in answers) == SEATS
        assert list(audit.audit(ministack_tables)) == []
        waiting = registration_lists.of_event(ministack_tables, "hot", status="waitlisted", limit=100).entries
        assert [entry.position for entry in waiting] == list(range(1, len(PEOPLE) - SEATS + 1))

        assert {answer.status_code for answer in at_once(leave)} == {204}
        assert list(audit.audit(ministack_tables)) == []
        found = client.get("/events/hot").json()
        assert (found["confirmedCount"], found["waitlistCount"]) == (0, 0)
        assert server.stop() == 0


def test_refusals_on_ministack_are_those_of_the_rules(ministack_tables: Tables) -> None:
    """An emulator may check the steps of a transaction in another order than DynamoDB, with the same refusals."""
    with pytest.raises(EventNotFound):
        registrations.register(ministack_tables, "nothing", "nobody")
    fields: dict[str, Any] = {"title": "T", "description": "D", "date": "2030-05-01", "location": "L", "organizer": "O"}
    events.create(ministack_tables, "e", EventFields(capacity=1, **fields))
    with pytest.raises(UserNotFound):
        registrations.register(ministack_tables, "e", "nobody")
    for user_id in "ab":
        users.create(ministack_tables, user_id, "N")
    registrations.register(ministack_tables, "e", "a")
    with pytest.raises(AlreadyRegistered):
        registrations.register(ministack_tables, "e", "a")
    with pytest.raises(EventFull):
        registrations.register(ministack_tables, "e", "b")
    events.update(ministack_tables, "e", {"status": "cancelled"})
    with pytest.raises(EventClosed):
        registrations.register(ministack_tables, "e", "b")
    with pytest.raises(EventHasRegistrations):
        event_deletion.delete(ministack_tables, "e")


def test_the_command_of_the_readme_is_installed() -> None:
    assert (Path(sys.executable).parent / "events-api").exists()
