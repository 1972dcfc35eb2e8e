"""Every refusal has one problem type, an entry in the contract and a test that provokes it."""

import re
from pathlib import Path
from typing import Any

import pytest

from handlers import problems
from handlers.app import create_app
from handlers.contract import Contract
from handlers.request_errors import RequestRefused
from storage import errors
from storage.dynamodb.tables import Tables
from storage.repetitions import Repeated
from tests.apparatus.client import EVENT, Client, problem
from tests.apparatus.response_check import ResponseCheck

HERE = Path(__file__).parent
DOCUMENT = Contract().document


def leaves(kind: type[Exception]) -> set[type[Exception]]:
    below = kind.__subclasses__()
    # A private one never leaves its module.
    return {leaf for child in below if child.__name__[0] != "_" for leaf in leaves(child)} if below else {kind}


#: `Repeated` never leaves `storage`.
REFUSALS = sorted((leaves(errors.Refusal) | leaves(RequestRefused)) - {Repeated}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_an_answer_with_an_entry_in_the_contract(refusal: type[Exception]) -> None:
    found = problems.PROBLEMS[refusal]
    kind = f"{problems.TYPE_PREFIX}{found.name}" if found.name else "about:blank"
    assert kind in DOCUMENT["components"]["schemas"]["ProblemType"]["x-extensible-enum"]
    examples = [
        example for example in problem_examples() if (example["type"], example["status"]) == (kind, found.status)
    ]
    assert examples, "the contract has no example of it"
    assert all(example["title"] == found.title for example in examples)
    details = [row.detail for row in problems.PROBLEMS.values() if (row.name, row.status) == (found.name, found.status)]
    details += [problems.READ_DETAILS[found.name]] if found.name in problems.READ_DETAILS else []
    for example in examples:
        assert any(re.fullmatch(pattern(detail), example["detail"]) for detail in details), "its detail is not true"


def pattern(detail: str) -> str:
    """Return a regular expression for the texts that a detail can become."""
    escaped = re.sub(r"\\{\w+\\}", ".+", re.escape(detail.replace("{{", "\0").replace("}}", "\1")))
    return escaped.replace("\0", r"\{").replace("\1", r"\}")


def problem_examples() -> list[dict[str, Any]]:
    found = []
    for response in DOCUMENT["components"]["responses"].values():
        content = response.get("content", {}).get(problems.MEDIA_TYPE, {})
        found += [content["example"]] if "example" in content else []
        found += [example["value"] for example in content.get("examples", {}).values()]
    return found


def test_the_contract_has_no_problem_type_that_nothing_raises() -> None:
    raised = {f"{problems.TYPE_PREFIX}{found.name}" for found in problems.PROBLEMS.values() if found.name}
    schema = DOCUMENT["components"]["schemas"]["ProblemType"]
    assert raised | {"about:blank"} == set(schema["x-extensible-enum"])
    assert schema["x-extensible-enum"] == re.findall("^- `(.+)`: .+$", schema["description"], re.MULTILINE)


@pytest.mark.parametrize("name", sorted({found.name for found in problems.PROBLEMS.values() if found.name}))
def test_every_named_problem_is_provoked_by_a_test(name: str) -> None:
    tests = "".join(path.read_text() for path in HERE.rglob("test_*.py"))
    assert f'"{name}"' in tests


@pytest.mark.parametrize(("refusal", "name", "seconds"), [
    (errors.Contention, "contention", "1"),
    (errors.DeadlineExceeded, "deadline-exceeded", "5"),
    (errors.PromotionInProgress, "promotion-in-progress", "2"),
    (errors.StorageUnavailable, "storage-unavailable", "5"),
])  # fmt: skip
def test_a_temporary_failure_has_retry_after(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, refusal: type[Exception], name: str, seconds: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise refusal("why")

    monkeypatch.setattr(moto_tables, "transact", fail)
    answer = Client(ResponseCheck(create_app(moto_tables))).post("/events", json=EVENT)
    assert (answer.status_code, problem(answer), answer.headers["retry-after"]) == (503, name, seconds)
    assert "why" not in answer.text


def test_an_unexpected_error_is_in_the_log_with_its_traceback_and_hidden_from_the_client(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("internals")

    monkeypatch.setattr(moto_tables, "query", fail)
    answer = Client(ResponseCheck(create_app(moto_tables))).get("/events/conf")
    assert (answer.status_code, problem(answer)) == (500, "about:blank")
    assert "internals" not in answer.text
    lines = log_lines()
    assert "ZeroDivisionError: internals" in lines[0]["traceback"]
    assert answer.json()["instance"] == f"urn:request:{lines[0]['request_id']}"
    assert (lines[1]["status"], lines[1]["error"]) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/events", "GET, HEAD, POST"),
        ("/events/conf", "DELETE, GET, HEAD, PUT"),
        ("/events/conf/registrations", "GET, HEAD, POST"),
        ("/registrations", "POST"),
        ("/registrations/a/conf", "DELETE"),
        ("/health", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
    ],
)
def test_an_unsupported_method_is_answered_with_the_supported_ones(client: Client, path: str, allowed: str) -> None:
    for method in ("PATCH", "TRACE", "OPTIONS", "BREW"):
        answer = client.request(method, path)
        assert (answer.status_code, problem(answer), answer.headers["allow"]) == (405, "about:blank", allowed)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/events/",
        "/events//registrations",
        "/events/a/registrations/",
        "//events",
        "/Events",
        "/events/a%0A",
    ],
)
def test_a_path_that_is_not_in_the_contract_is_404_and_never_a_redirect(client: Client, path: str) -> None:
    answer = client.get(f"http://testserver{path}")
    assert (answer.status_code, problem(answer)) == (404, "about:blank")


@pytest.mark.parametrize(
    "path", ["/events/a%2Fb", "/events/a%2fregistrations", "/events/%00", "/events/%FF", "/users/a%20b"]
)
def test_an_escaped_character_in_an_id_stays_part_of_the_id(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")


def test_a_head_request_is_answered_as_get(client: Client) -> None:
    client.create_event()
    assert client.request("HEAD", "/events/conf").headers["etag"] == client.get("/events/conf").headers["etag"]
