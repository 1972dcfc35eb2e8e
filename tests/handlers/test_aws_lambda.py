"""The entry point on Lambda: events of API Gateway in payloads 1.0 and 2.0, with and without the stage in the path."""

import asyncio
import base64
import gc
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cfn.template.build import build_template
from cfn.template.canary import REQUEST
from handlers.pipeline import logs
from storage.dynamodb.steps import Changed
from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT
from tests.apparatus.gateway_events import Context, payload_1, payload_2
from tests.apparatus.new_copy import new_copy

Lambda = Callable[..., dict[str, Any]]


@pytest.fixture
def invoke(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    """Load the entry point as Lambda does, and return a function that invokes it."""
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setattr(Tables, "connect", lambda *_arguments, **_options: moto_tables)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    handler = new_copy("handlers.aws_lambda").handler  # It builds the application from the environment of now.
    yield lambda event, context=None: handler(event, context or Context())
    asyncio.set_event_loop(None)
    loop.close()


SHAPES = [(make, stage) for make in (payload_1, payload_2) for stage in ("", "/prod")]


@pytest.mark.parametrize(("make", "stage"), SHAPES)
def test_a_seat_is_taken_waited_for_and_promoted_through_the_gateway(invoke: Lambda, make: Any, stage: str) -> None:
    def call(method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any, dict[str, Any]]:
        event = make(method, path, stage=stage, **more)
        if body is not None:
            event["body"] = json.dumps(body)
            event["headers"] = {**event["headers"], "content-type": "application/json"}
            event.pop("multiValueHeaders", None)
        answer = invoke(event)
        assert answer["isBase64Encoded"] is False
        return answer["statusCode"], json.loads(answer["body"] or "null"), answer["headers"]

    status, _body, headers = call("POST", "/events", {**EVENT, "capacity": 1})
    assert (status, headers["location"]) == (201, "events/conf")
    for user_id in ("ada@example.com", "grace"):
        assert call("POST", "/users", {"userId": user_id, "name": "N"})[0] == 201
    assert call("POST", "/events/conf/registrations", {"userId": "ada@example.com"})[1]["status"] == "confirmed"
    assert call("POST", "/registrations", {"userId": "grace", "eventId": "conf"})[1]["status"] == "waitlisted"
    assert call("DELETE", "/registrations/ada%40example.com/conf")[0] == 204
    assert call("GET", "/events/conf/registrations/grace")[1]["status"] == "confirmed"
    assert len(call("GET", "/events", query="limit=1&status=active")[1]["events"]) == 1
    status, body, headers = call("GET", "/events/nothing")
    assert (status, body["type"]) == (404, "urn:problem-type:events-api:event-not-found")
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("make", [payload_1, payload_2])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_stage_alone_is_redirected_below_itself(invoke: Lambda, make: Any, method: str) -> None:
    """Its links are relative, and would lead beside the stage."""
    answer = invoke(make(method, "", stage="/prod"))
    assert (answer["statusCode"], answer["headers"]["location"]) == (307, "prod/")
    assert answer["headers"]["x-request-id"]
    assert invoke(make("GET", "/", stage="/prod"))["statusCode"] == 200


@pytest.mark.parametrize("make", [payload_1, payload_2])
@pytest.mark.parametrize("stage", ["e", "event", "prod"])
def test_only_a_whole_segment_is_taken_for_the_stage(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, make: Any, stage: str
) -> None:
    monkeypatch.setenv("STAGE", stage)
    monkeypatch.setattr(Tables, "connect", lambda *_arguments, **_options: moto_tables)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    handler = new_copy("handlers.aws_lambda").handler
    found = [handler(make("GET", "/events", stage=below), Context())["statusCode"] for below in ("", f"/{stage}")]
    beside = [handler(make("GET", path), Context())["statusCode"] for path in (f"/{stage}vents", f"/{stage}-/events")]
    asyncio.set_event_loop(None)
    loop.close()
    assert found == [200, 200]
    assert beside == [200 if stage == "e" else 404, 404]


def test_the_route_of_the_gateway_changes_nothing(invoke: Lambda) -> None:
    """A route of its own has the same event but for its key and the variables of its path, which nothing reads."""
    assert invoke(payload_2("POST", "/events", body=json.dumps(EVENT)))["statusCode"] == 201
    assert invoke(payload_2("POST", "/users", body='{"userId":"a@b","name":"A"}'))["statusCode"] == 201
    event = payload_2("POST", "/events/conf/registrations", stage="/prod", body='{"userId":"a@b"}')
    key = "POST /events/{eventId}/registrations"
    event |= {"routeKey": key, "pathParameters": {"eventId": "conf"}}
    event["requestContext"]["routeKey"] = key
    answer = invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["eventId"]) == (201, "conf")


@pytest.mark.parametrize(("make", "stage"), SHAPES)
def test_repeated_query_parameters_are_refused(invoke: Lambda, make: Any, stage: str) -> None:
    answer = invoke(make("GET", "/events", stage=stage, query="limit=1&limit=2"))
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["errors"] == [{"parameter": "limit", "detail": "Is given more than once."}]


def test_what_is_loaded_is_kept_out_of_the_garbage_collector(invoke: Lambda) -> None:
    assert invoke(payload_2("GET", "/"))["statusCode"] == 200
    assert gc.isenabled()
    assert gc.get_freeze_count() > 50_000


@pytest.mark.usefixtures("log")
def test_no_library_writes_the_path_of_a_request_to_the_log(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The runtime of Lambda has a handler for the root logger, with the level that the function's settings name."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(Tables, "connect", lambda *_arguments, **_options: moto_tables)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    handler = new_copy("handlers.aws_lambda").handler
    for path in ("/users/ada@example.com", "/events/ada@example.com/registrations", "/nothing/ada@example.com"):
        assert handler(payload_2("GET", path), Context())["statusCode"] == 404
    asyncio.set_event_loop(None)
    loop.close()
    assert not [record for record in caplog.records if not record.name.startswith(("handlers", "storage"))]


@pytest.mark.usefixtures("log")
def test_every_line_has_the_invocation_and_the_version_of_the_function(invoke: Lambda) -> None:
    lines = io.StringIO()
    logs.configure(lines)
    invoke(payload_2("GET", "/health"))
    context = Context()
    context.aws_request_id, context.function_version = "9c0d", "8"
    invoke(payload_2("GET", "/health"), context)
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["lambda_request_id"], line["lambda_version"]) for line in logged] == [("8a7b", "7"), ("9c0d", "8")]


@pytest.mark.usefixtures("log")
def test_the_canary_is_answered_as_healthy_and_its_line_counts_as_such(invoke: Lambda) -> None:
    lines = io.StringIO()
    logs.configure(lines)
    assert invoke(REQUEST)["statusCode"] == 200
    line = json.loads(lines.getvalue())
    assert (line["route"], line["status"]) == ("/health", 200)
    pattern = build_template("Release").to_dict()["Resources"]["HealthyFilter"]["Properties"]["FilterPattern"]
    assert pattern == '{ $.route = "/health" && $.status = 200 }'


def test_a_base64_body_is_read(invoke: Lambda) -> None:
    body = base64.b64encode('{"userId":"zoe","name":"Zoë"}'.encode()).decode()
    answer = invoke(payload_2("POST", "/users", body=body, isBase64Encoded=True))
    assert (answer["statusCode"], json.loads(answer["body"])["name"]) == (201, "Zoë")


def test_an_escaped_slash_stays_part_of_the_id(invoke: Lambda) -> None:
    for path in ("/events/conf%2Fregistrations", "/events/conf%2fregistrations"):
        assert invoke(payload_2("GET", path, stage="/prod"))["statusCode"] == 422


def test_an_image_is_sent_as_base64_and_text_is_not(invoke: Lambda) -> None:
    assert invoke(payload_2("GET", "/docs/favicon-32x32.png"))["isBase64Encoded"] is True
    for path in ("/docs", "/docs/swagger-ui.css", "/openapi.json", "/openapi.yaml"):
        assert invoke(payload_2("GET", path))["isBase64Encoded"] is False


def test_the_request_id_is_that_of_the_gateway(invoke: Lambda) -> None:
    answer = invoke(payload_2("GET", "/events/nothing"))
    assert json.loads(answer["body"])["instance"] == "urn:request:JKJaXmPLvHcESHA="


def test_a_request_ends_before_its_lambda_does(
    invoke: Lambda, moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries stop before the runtime ends the function, even if most of their own budget is left."""
    context = Context()
    context.remaining = 1100
    tries: list[float] = []

    def busy(*_arguments: object) -> None:
        tries.append(1)
        raise Changed

    monkeypatch.setattr(moto_tables, "transact", busy)
    event = payload_2("POST", "/users", body='{"name":"A"}')
    answer = invoke(event, context)
    assert (answer["statusCode"], json.loads(answer["body"])["title"]) == (503, "Contention")
    assert tries


@pytest.mark.parametrize("make", [payload_1, payload_2])
def test_hsts_is_sent_if_the_gateway_was_reached_over_https(invoke: Lambda, make: Any) -> None:
    assert invoke(make("GET", "/nothing"))["headers"]["strict-transport-security"] == "max-age=31536000"
    plain = make("GET", "/nothing")
    plain["headers"] = {name: "http" if "proto" in name.lower() else value for name, value in plain["headers"].items()}
    plain.pop("multiValueHeaders", None)
    assert "strict-transport-security" not in invoke(plain)["headers"]
