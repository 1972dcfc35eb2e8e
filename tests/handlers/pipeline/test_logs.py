"""The log: one line per request, without bodies, ids or names of people."""

import io
import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers.app import create_app
from handlers.contract import Contract
from handlers.pipeline import logs
from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT, Client
from tests.apparatus.provoked import mistake_in_every_handler, store_down

FIELDS = {"timestamp", "level", "message", "request_id", "method", "route", "status", "duration_ms"}


def test_every_request_is_one_line_of_json(client: Client, log_lines: Any) -> None:
    client.create_event()
    client.get("/events/conf")
    created, found = log_lines()
    assert set(created) == set(found) == FIELDS
    assert (created["method"], created["route"], created["status"]) == ("POST", "/events", 201)
    assert (found["method"], found["route"], found["status"]) == ("GET", "/events/{eventId}", 200)
    assert created["request_id"] != found["request_id"]
    assert datetime.fromisoformat(created["timestamp"]).utcoffset() == timedelta(0)


def test_spared_records_have_no_thread_and_no_process() -> None:
    logs.spare_records()
    record = logging.makeLogRecord({})
    assert (record.thread, record.threadName, record.process) == (None, None, None)


def test_a_line_of_an_invocation_without_a_request_has_the_id_of_no_other_request(log_lines: Any) -> None:
    logs.request_id.set("of the request before")
    with logs.Invocation("8a7b", "7"):
        logging.getLogger("handlers").warning("a promotion is left unfinished")
    logging.getLogger("handlers").warning("afterwards")
    inside, outside = log_lines()
    assert (inside["lambda_request_id"], inside["lambda_version"], "request_id" in inside) == ("8a7b", "7", False)
    assert "lambda_request_id" not in outside


def test_a_refusal_is_logged_with_its_type(client: Client, log_lines: Any) -> None:
    client.get("/events/conf")
    client.get("/nothing")
    refused, unknown = log_lines()
    assert (refused["status"], refused["error"]) == (404, "event-not-found")
    assert (unknown["status"], unknown["error"], "route" in unknown) == (404, "Not Found", False)


#: A word in every id, text, parameter and header that is sent, and nowhere in the code.
HIDDEN = "hidden@example.com"

PEOPLE = {"eventId": HIDDEN, "userId": HIDDEN, "name": HIDDEN, "title": HIDDEN, "organizer": HIDDEN, HIDDEN: HIDDEN}


def every_request() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield valid and invalid requests for every operation, and one for a path without an operation."""
    for operation in Contract().operations.values():
        path = operation.path.format(eventId=HIDDEN, userId=HIDDEN, asset=HIDDEN)
        yield operation.method, path, {}
        yield operation.method, path, {"headers": {"If-Match": f'"{HIDDEN}"', "User-Agent": HIDDEN, "Referer": HIDDEN}}
        yield operation.method, f"{path}?{HIDDEN}={HIDDEN}&cursor={HIDDEN}", {"json": PEOPLE}
        yield operation.method, path, {"json": PEOPLE, "headers": {"Idempotency-Key": HIDDEN}}
        yield operation.method, path, {"content": HIDDEN, "headers": {"Content-Type": "application/json"}}
        yield HIDDEN.upper().partition("@")[0], path, {}
    yield "GET", f"/{HIDDEN}", {}
    yield "POST", "/users", {"json": {"userId": HIDDEN, "name": HIDDEN}, "headers": {"Idempotency-Key": HIDDEN}}
    yield "POST", "/events", {"json": {**EVENT, "eventId": HIDDEN, "title": HIDDEN}}
    for path in ("/registrations", f"/events/{HIDDEN}/registrations"):
        yield "POST", path, {"json": {"userId": HIDDEN, **({"eventId": HIDDEN} if path == "/registrations" else {})}}
    yield "PUT", f"/events/{HIDDEN}", {"json": {"capacity": 1}}
    yield "DELETE", f"/events/{HIDDEN}", {}
    yield "GET", f"/users/{HIDDEN}/registrations", {}
    yield "DELETE", f"/events/{HIDDEN}/registrations/{HIDDEN}", {}
    yield "DELETE", f"/events/{HIDDEN}", {"headers": {"If-Match": f'"{HIDDEN}"'}}


def lost_attribute(_item: Any) -> None:
    raise KeyError("version")


@pytest.mark.parametrize("state", ["at work", "store down", "mistake in handlers", "mistake in storage"])
def test_nothing_that_a_client_sent_is_logged_in_any_state(
    moto_tables: Tables, log: io.StringIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Not even in a traceback. `caplog` has the lines of libraries, which the runtime of Lambda would log."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.WARNING, "httpx")  # It logs the test's own requests.
    with mistake_in_every_handler() if state == "mistake in handlers" else nullcontext():
        client = Client(create_app(moto_tables))
    if state == "mistake in storage":
        monkeypatch.setattr("storage.dynamodb.tables.unmarshal", lost_attribute)
        monkeypatch.setattr("storage.dynamodb.steps.unmarshal", lost_attribute)
    with store_down(moto_tables) if state == "store down" else nullcontext():
        statuses = [client.request(method, path, **options).status_code for method, path, options in every_request()]
    expected = {
        "at work": {200, 201, 204, 400, 404, 405, 409, 412, 422},
        "store down": {503},
        "mistake in handlers": {500},
        "mistake in storage": {500},
    }
    assert expected[state] <= set(statuses)
    for text in (log.getvalue(), caplog.text):
        assert "hidden" not in text.lower()
        assert HIDDEN not in text
    assert log.getvalue().count('"request"') == len(statuses)
    assert ("Traceback" in log.getvalue()) == state.startswith("mistake")


def test_an_error_while_answering_a_refusal_names_nobody(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server logs the traceback, with that of the refusal."""
    client.create_event(eventId=HIDDEN)
    client.create_users(HIDDEN)
    client.register(HIDDEN, HIDDEN)

    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("handlers.problems.Response", fail)
    for path, body in ((f"/events/{HIDDEN}/registrations", {"userId": HIDDEN}), ("/users", {HIDDEN: HIDDEN})):
        with pytest.raises(ZeroDivisionError) as mistake:
            client.post(path, json=body)
        text = "".join(traceback.format_exception(mistake.value))
        assert "AlreadyRegistered" in text or "InvalidRequest" in text
        assert HIDDEN not in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("log")
def test_on_a_terminal_a_404_has_its_path_without_control_characters(client: Client) -> None:
    terminal = Terminal()
    logs.configure(terminal)
    for path in ("/evnts", "/%1B%5B31m%0A"):
        client.get(path)
    assert [line.split(maxsplit=2)[2].split(" 404 ")[0] for line in terminal.getvalue().splitlines()] == [
        "/evnts",
        "/%1B%5B31m%0A",
    ]


@pytest.mark.usefixtures("log")
def test_on_a_terminal_the_log_is_text(client: Client) -> None:
    terminal = Terminal()
    logs.configure(terminal)
    client.get("/health")
    client.get("/events/conf")
    logging.getLogger("storage").warning("look")
    healthy, refused, warning = terminal.getvalue().splitlines()
    assert " GET    /health 200 " in healthy
    assert refused.endswith("ms event-not-found")
    assert " GET    /events/conf 404 " in refused
    assert warning.endswith(" warning: look")


def test_a_traceback_is_in_the_line_of_its_message(log_lines: Any) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("storage.somewhere").exception("it broke")
    (line,) = log_lines()
    assert (line["level"], line["message"]) == ("ERROR", "it broke")
    assert line["traceback"].endswith("ZeroDivisionError: division by zero")
    assert "\n" not in json.dumps(line)
