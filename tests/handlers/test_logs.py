"""The log: one line a request, without bodies, ids or names of people."""

import io
import json
import logging
from typing import Any

import pytest

from handlers import logs
from tests.client import Client

FIELDS = {"timestamp", "level", "message", "request_id", "method", "route", "status", "duration_ms"}


def test_every_request_is_one_line_of_json(client: Client, log_lines: Any) -> None:
    client.create_event()
    client.get("/events/conf")
    created, found = log_lines()
    assert set(created) == set(found) == FIELDS
    assert (created["method"], created["route"], created["status"]) == ("POST", "/events", 201)
    assert (found["method"], found["route"], found["status"]) == ("GET", "/events/{eventId}", 200)
    assert created["request_id"] != found["request_id"]


def test_a_refusal_is_logged_with_its_type(client: Client, log_lines: Any) -> None:
    client.get("/events/conf")
    client.get("/nothing")
    refused, unknown = log_lines()
    assert (refused["status"], refused["error"]) == (404, "event-not-found")
    assert (unknown["status"], unknown["error"], "route" in unknown) == (404, "Not Found", False)


def test_nothing_that_a_client_sent_is_in_the_log(client: Client, log: io.StringIO) -> None:
    client.post("/users", json={"userId": "secret-id", "name": "Secret Name"})
    client.get("/users/secret-id?secret=1")
    client.post("/users", json={"name": "secret\n"})
    client.get("/secret/path")
    assert log.getvalue().count("\n") == 4
    assert "secret" not in log.getvalue().lower()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("log")
def test_on_a_terminal_lines_are_for_people(client: Client) -> None:
    terminal = Terminal()
    logs.configure(terminal)
    client.get("/health")
    client.get("/events/conf")
    logging.getLogger("storage").warning("look")
    healthy, refused, warning = terminal.getvalue().splitlines()
    assert " GET    /health 200 " in healthy
    assert refused.endswith("ms event-not-found")
    assert warning.endswith(" warning: look")


def test_a_traceback_is_part_of_its_line(log_lines: Any) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("storage.somewhere").exception("it broke")
    (line,) = log_lines()
    assert (line["level"], line["message"]) == ("ERROR", "it broke")
    assert line["traceback"].endswith("ZeroDivisionError: division by zero")
    assert "\n" not in json.dumps(line)
