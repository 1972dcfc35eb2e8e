"""The real package under AWS's own runtime client, with events as API Gateway sends them."""

import base64
import importlib.util
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfn.package.build import Package
from cfn.stack.aws import Aws
from cfn.template.function import frozen_settings
from storage.dynamodb.tables import Tables
from storage.schema import TABLE_VARIABLES, TABLES
from tests.apparatus.client import EVENT
from tests.apparatus.gateway_events import payload_1, payload_2
from tests.apparatus.lambda_runtime import Runtime, started

pytestmark = [
    pytest.mark.deployed,
    pytest.mark.skipif(
        importlib.util.find_spec("awslambdaric") is None, reason="the extra `contract` has it, on Linux only"
    ),
]

SHAPES = [(make, stage) for make in (payload_1, payload_2) for stage in ("", "/prod")]


@pytest.fixture(scope="module")
def unpacked(host_package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(host_package.path) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def start(unpacked: Path, tmp_path: Path, aws: Aws) -> Callable[..., Any]:
    """Return a function that starts the package with the settings of the template and the emulator as its store."""
    logging = frozen_settings()["LoggingConfig"]
    environ = {
        "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
        "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"],
        "AWS_LAMBDA_FUNCTION_NAME": "events-api",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_REGION": aws.region,
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL_DYNAMODB": aws.emulator_url,
        "STAGE": "prod",
    }
    return lambda **more: started(
        unpacked, "handlers.aws_lambda.handler", environ | more, output=tmp_path / "output.txt"
    )


@pytest.fixture
def call(start: Callable[..., Any], aws: Aws) -> Iterator[Runtime]:
    names = {table: f"runtime-{table.lower()}" for table in TABLES}
    tables = Tables(aws.client("dynamodb"), names)
    tables.create_missing()
    with start(**{variable: names[table] for table, variable in TABLE_VARIABLES.items()}) as runtime:
        yield runtime
    for name in names.values():
        tables.client.delete_table(TableName=name)


def with_body(event: dict[str, Any], body: Any, *, encoded: bool = False) -> dict[str, Any]:
    """Return an event with a JSON body, at will in base64."""
    text = json.dumps(body)
    event["body"] = base64.b64encode(text.encode()).decode() if encoded else text
    event["isBase64Encoded"] = encoded
    event["headers"] = {**event["headers"], "content-type": "application/json"}
    if "multiValueHeaders" in event:
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return event


@pytest.mark.parametrize(("make", "stage"), SHAPES)
def test_a_person_registers_in_events_of_every_shape(call: Runtime, make: Any, stage: str) -> None:
    assert call(make("GET", "/", stage=stage))["statusCode"] == 200
    assert call(make("GET", "/health", stage=stage))["statusCode"] == 200
    assert call(with_body(make("POST", "/events", stage=stage), EVENT, encoded=True))["statusCode"] == 201
    assert call(with_body(make("POST", "/users", stage=stage), {"userId": "ada", "name": "Zoë"}))["statusCode"] == 201
    answer = call(with_body(make("POST", "/events/conf/registrations", stage=stage), {"userId": "ada"}))
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (201, "confirmed")
    assert answer["headers"]["location"] == "registrations/ada"
    assert call(make("DELETE", "/registrations/ada/conf", stage=stage))["statusCode"] == 204


def test_the_stage_alone_leads_below_itself(call: Runtime) -> None:
    answer = call(payload_2("GET", "", stage="/prod"))
    assert (answer["statusCode"], answer["headers"]["location"]) == (307, "prod/")


def test_a_header_that_is_given_twice_is_read_as_one_list(call: Runtime) -> None:
    """Payload 2.0 joins the values by a comma, and 1.0 has a list of them."""
    assert call(with_body(payload_2("POST", "/events"), EVENT))["statusCode"] == 201
    joined = payload_2("GET", "/events/conf")
    joined["headers"]["if-none-match"] = '"a","b"'
    listed = payload_1("GET", "/events/conf")
    listed["multiValueHeaders"]["If-None-Match"] = ['"a"', '"b"']
    assert [call(event)["statusCode"] for event in (joined, listed)] == [200, 200]


@pytest.mark.parametrize("make", [payload_1, payload_2])
def test_nothing_that_the_function_prints_contains_a_name_or_an_id_of_a_person(call: Runtime, make: Any) -> None:
    """The runtime logs what any library logs at the level of the function's settings."""
    person = "ada.lovelace@example.com"
    statuses = [
        call(with_body(make("POST", "/users"), {"userId": person, "name": "Ada Lovelace"}))["statusCode"],
        call(with_body(make("POST", "/users"), {"userId": person, "name": "Ada Lovelace"}))["statusCode"],
        call(make("GET", "/users/ada.lovelace%40example.com"))["statusCode"],
        call(make("GET", f"/users/{person}/registrations"))["statusCode"],
        call(make("GET", f"/events/{person}"))["statusCode"],
        call(make("GET", f"/nothing/{person}"))["statusCode"],
        call(make("GET", "/events", query=f"cursor={person}"))["statusCode"],
        call(with_body(make("POST", "/registrations"), person))["statusCode"],
    ]
    assert statuses == [201, 409, 200, 200, 404, 404, 422, 422]
    lines = call.output.read_text().splitlines()
    assert not [line for line in lines if "lovelace" in line.lower()]
    assert [json.loads(line)["status"] for line in lines] == statuses, "one line a request, and nothing else"


def test_a_store_that_does_not_answer_is_503_and_names_nobody(start: Callable[..., Any]) -> None:
    names = dict.fromkeys(TABLE_VARIABLES.values(), "table")
    with start(**names, AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9") as call:
        assert call(payload_2("GET", "/users/ada.lovelace@example.com"))["statusCode"] == 503
        assert "lovelace" not in call.output.read_text()
