"""The sentences that a person reads in an answer say what to do."""

from typing import Any

import pytest

from storage.dynamodb.tables import Tables
from storage.errors import Contention, DeadlineExceeded
from tests.apparatus.client import EVENT, Client
from tests.apparatus.server import ROOT


def errors(answer: Any) -> dict[str, str]:
    """Return the sentence of each error of a 422, by its place."""
    assert answer.status_code == 422
    return {error.get("pointer") or error["parameter"]: error["detail"] for error in answer.json()["errors"]}


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_an_etag_without_quotes_is_explained(client: Client, header: str) -> None:
    found = errors(client.delete("/events/conf", headers={header: "abc"}))
    assert found == {header: "Must be: ETags in double quotes, separated by commas, or `*`."}


@pytest.mark.parametrize("cursor", ["abc", "a.b", "WyJldmVudHMiXQ", "!", "", "a" * 501])
def test_a_cursor_that_no_page_has_is_explained(client: Client, cursor: str) -> None:
    sentence = "Must be the `nextCursor` of a page of the same list with the same filters, unchanged."
    assert errors(client.get(f"/events?cursor={cursor}")) == {"cursor": sentence}


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        ({"date": "tomorrow"}, ["Must have at least 10 characters.", "Must be: A day (`YYYY-MM-DD`)"]),
        ({"title": ""}, ["Must have at least 1 characters.", "Must be: Text without line breaks"]),
        ({"title": "x" * 201}, ["Must have at most 200 characters."]),
        ({"title": f"{'x' * 200}\n"}, ["Must have at most 200 characters.", "Must be: Text without line breaks"]),
        ({"status": 1}, ["Must be of type string.", "Must be one of: active"]),
        ({"capacity": 0, "x": 1}, ["There is no such property.", "Must be at least 1."]),
    ],
    ids=repr,
)
def test_all_that_is_wrong_with_a_value_is_said_at_once(
    client: Client, body: dict[str, Any], sentences: list[str]
) -> None:
    found = [error["detail"] for error in client.put("/events/conf", json=body).json()["errors"]]
    assert len(found) == len(sentences)
    assert all(detail.startswith(sentence) for detail, sentence in zip(found, sentences, strict=True))


def test_the_readme_shows_an_answer_as_it_is(client: Client) -> None:
    text = (ROOT / "README.md").read_text()
    answer = client.post("/events", json={"title": "A workshop", "capacity": 0, "hasWaitList": True}).json()
    assert f'"detail": "{answer["detail"]}"' in text
    first, second, *_others, last = answer["errors"]
    for error in (first, second, last):
        assert f'{{"pointer": "{error["pointer"]}", "detail": "{error["detail"]}"}}' in text


@pytest.mark.parametrize("day", ["2030-02-31", "2030-02-29", "2030-13-01", "2030-04-31T10:00", "0000-01-01"])
def test_a_day_that_is_not_in_the_calendar_is_called_that(client: Client, day: str) -> None:
    assert errors(client.post("/events", json={**EVENT, "date": day})) == {"/date": "There is no such day."}
    if len(day) == 10:
        assert errors(client.get(f"/events?from={day}")) == {"from": "There is no such day."}


def test_a_date_of_another_form_and_a_text_like_a_day_have_their_own_sentences(client: Client) -> None:
    assert errors(client.post("/events", json={**EVENT, "date": "1 May 2030"}))["/date"].startswith("Must be: A day")
    assert errors(client.get("/events?from=tomorrow")) == {"from": "Must be a valid date."}
    found = errors(client.post("/events", json={**EVENT, "eventId": "2030-02-31/x"}))["/eventId"]
    assert found.startswith("Must be: 1 to 100 letters")


def test_an_unknown_parameter_lists_the_known_ones_and_the_one_that_was_meant(client: Client) -> None:
    known = "The parameters are status, from, to, limit, cursor."
    assert errors(client.get("/events?q=date&Limit=3")) == {
        "q": f"There is no such parameter. {known}",
        "Limit": f"There is no such parameter. Did you mean limit? {known}",
    }
    assert errors(client.get("/users/a?verbose=1")) == {"verbose": "There is no such parameter. There are none."}


def test_a_slash_at_the_end_of_a_path_is_pointed_out(client: Client) -> None:
    hint = "This path does not exist. Send the request without the slash at the end of the path."
    for path in ("/events/", "/events/conf/", "/events/conf/registrations/"):
        assert client.get(path).json()["detail"] == hint
    for path in ("/nothing/", "/nothing"):
        assert client.get(path).json()["detail"] == "This path does not exist."


@pytest.mark.parametrize("error", [Contention, DeadlineExceeded])
def test_a_read_that_fails_does_not_speak_of_changes(
    client: Client, moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(moto_tables, "query", fail)
    detail = client.get("/events/conf").json()["detail"]
    assert "change" not in detail
    assert "done" not in detail
    assert "Repeat" in detail


def test_every_body_ends_with_a_line_break_and_is_compact(client: Client) -> None:
    for answer in (client.post("/events", json=EVENT), client.get("/events/conf"), client.get("/nothing")):
        assert answer.text.endswith("}\n")
        assert '": ' not in answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)
    assert "Zoë" in client.post("/users", json={"name": "Zoë"}).text


def test_every_response_has_the_id_of_the_request_that_the_problem_names(client: Client, log_lines: Any) -> None:
    for path in ("/nothing", "/health", "/docs"):
        answer = client.get(path)
        request_id = answer.headers["x-request-id"]
        assert log_lines()[-1]["request_id"] == request_id
    assert client.get("/nothing").headers["x-request-id"] != request_id
    refused = client.get("/nothing")
    assert refused.json()["instance"] == f"urn:request:{refused.headers['x-request-id']}"
