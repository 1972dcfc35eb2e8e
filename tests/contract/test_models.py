"""The generated models are current, and accept exactly what the contract accepts.

The contract is read by the library `jsonschema` here. Both judge every near miss of every body and every parameter, and
must agree on whether it is accepted and on the places of its errors.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pytest

from handlers.contract import Contract
from handlers.pipeline import validation
from handlers.pipeline.field_errors import body_error
from handlers.pipeline.json_text import parse
from handlers.pipeline.validation import RequestSchema
from handlers.request_errors import InvalidRequest
from tests.apparatus.json_schema import validator_of
from tests.contract.models import FILES, FOLDER
from tests.contract.near_misses import bodies, values

CONTRACT: Final = Contract()

#: The path parameters of every operation.
PATH: Final = {"eventId": "tech-conf-2024", "userId": "user-123"}

Places = set[str]


@pytest.mark.parametrize("name", FILES)
def test_the_generated_file_is_current(name: str) -> None:
    current = (FOLDER / name).read_text() == FILES[name](CONTRACT)
    assert current, "generate it again: python -m tests.contract.models"


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ('{"userId": "a", "name": "A", "createdAt": "…"}', "Success"),
        ('{"userid": "a", "name": "A", "createdAt": "…"}', "userid"),
        ('{"userId": "a", "name": "A"}', "createdAt"),
        ('{"userId": "a", "name": "A", "createdAt": 1}', "createdAt"),
    ],
    ids=["a right body", "a misspelt key", "a missing key", "a value of another type"],
)
def test_the_type_checker_sees_what_an_answer_lacks(body: str, finding: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "answers.py", tmp_path)
    (tmp_path / "handler.py").write_text(f"import answers\n\nbody: answers.User = {body}\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", os.devnull, "handler.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finding in done.stdout


class NearMiss(NamedTuple):
    """A request that just fits the contract, or just does not."""

    value: Any
    body: bytes
    given: Mapping[str, Mapping[str, str]]
    #: The places of its errors by jsonschema.
    places: Places


@cache
def near_misses(operation_id: str) -> list[NearMiss]:
    """Return the near misses of an operation's request."""
    found = []
    operation = CONTRACT.operations[operation_id]
    body = CONTRACT.resolve(CONTRACT.body(operation) or {})
    good = json.dumps(body.get("example")).encode()
    for parameter in CONTRACT.parameters(operation):
        name, schema = parameter["name"], CONTRACT.resolve(parameter["schema"])
        validator = validator_of(schema)
        for text in texts(schema):
            if parameter["in"] == "header" and max(text, default="") > "\xff":
                continue
            typed = typed_value(text, schema["type"])
            places = set() if validator.is_valid(typed) else {name}
            found.append(NearMiss({name: text}, good, {parameter["in"]: {name: text}}, places))
    if body:
        validator = validator_of(body)
        for value in bodies(body, body["example"]):
            sent = json.dumps(value).encode()
            places = {pointer(error.absolute_path) for error in validator.iter_errors(parse(sent))}
            found.append(NearMiss(value, sent, {}, places))
    return found


def differences(operation_id: str) -> Iterator[tuple[NearMiss, Places]]:
    """Yield each near miss in which the models find errors in other places than jsonschema, and these places."""
    request = RequestSchema(CONTRACT.operations[operation_id], CONTRACT)
    for miss in near_misses(operation_id):
        places = refused(request, miss)
        if places != miss.places:
            yield miss, places


def typed_value(text: str, kind: str) -> str | int | bool:
    """Return what a text in a URL stands for, by the type of its parameter."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return int(text) if kind == "integer" and text.removeprefix("-").isdecimal() else text


def texts(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield near misses of a parameter that can be part of a URL or a header."""
    example = schema.get("example", {"integer": "7", "boolean": "true"}.get(schema["type"], '"a"'))
    for value in values(schema, str(example)):
        if isinstance(value, str | int | float) and not re.search("[\ud800-\udfff]", str(value)):
            yield str(value)


def pointer(steps: Any) -> str:
    return body_error("".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps), "")["pointer"]


def refused(request: RequestSchema, miss: NearMiss) -> Places:
    """Return the places of the errors for which a request is refused."""
    given = miss.given

    async def receive() -> Any:
        return {"type": "http.request", "body": miss.body}

    scope = {
        "path_params": {**PATH, **given.get("path", {})},
        "query_string": "&".join(f"{name}={quote(value)}" for name, value in given.get("query", {}).items()).encode(),
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in given.get("header", {}).items()
        ],
    }
    try:
        # Nothing in it waits: it needs no event loop.
        request.read(scope, receive).send(None)
    except StopIteration:
        return set()
    except InvalidRequest as error:
        return {each.get("pointer", each.get("parameter", "")) for each in error.errors}
    raise AssertionError


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_the_models_and_the_contract_agree_on_every_near_miss(operation_id: str) -> None:
    assert next(differences(operation_id), None) is None


def test_the_near_misses_are_many_and_not_one_sided() -> None:
    places = [miss.places for operation_id in CONTRACT.operations for miss in near_misses(operation_id)]
    assert len(places) > 50_000
    assert 0.1 < sum(map(bool, places)) / len(places) < 0.9


#: Changes to the models, and the operation in which the comparison finds each.
MUTANTS: Final = {
    "a lower minimum": ("create_event", "ge=1, le=100000", "ge=0, le=100000"),
    "a higher minimum": ("create_event", "ge=1, le=100000", "ge=2, le=100000"),
    "a higher maximum": ("create_event", "ge=1, le=100000", "ge=1, le=100001"),
    "a lower maximum": ("list_events", "ge=1, le=100)", "ge=1, le=99)"),
    "a longer text": ("create_user", "max_length=200", "max_length=201"),
    "a shorter text": ("create_user", "max_length=200", "max_length=199"),
    "a shorter id": ("get_user", "max_length=100, min_length=1", "max_length=99, min_length=1"),
    "a shorter header": ("get_event", "max_length=1000", "max_length=999"),
    "a pattern without its end": ("create_user", "-9._~@:+-]*$", "-9._~@:+-]*"),
    "a pattern without its beginning": ("create_user", '"^(?:\\\\.{0,2}', '"(?:\\\\.{0,2}'),
    "a character more": ("create_user", "A-Za-z0-9._~@:+-]*$", "A-Za-z0-9._~@:+/-]*$"),
    "a line separator more": ("create_event", "\\x9F\\u2028\\u2029]*$", "\\x9F\\u2029]*$"),
    "a value less": ("update_event", '"ongoing", ', ""),
    "a value more": ("list_event_registrations", '"waitlisted"]', '"waitlisted", "CONFIRMED"]'),
    "an optional property that is required": (
        "create_user",
        'Field(alias="userId")] = MISSING',
        'Field(alias="userId")]',
    ),
    "a required property that is optional": ("create_user", "name: UserName", "name: UserName | MISSING = MISSING"),
    "a property that may be null": ("create_user", "name: UserName", "name: UserName | None"),
    "another name": ("create_event", 'alias="hasWaitlist"', 'alias="hasWaitList"'),
    "a day as any text": ("list_events", "from_: Annotated[Day |", "from_: Annotated[str |"),
    "a time as any text": ("update_event", "created_at: Annotated[Timestamp |", "created_at: Annotated[str |"),
    "types that are converted": ("create_event", "\n\n\n", "\n\n\nclass Request(Request, strict=False): ...\n\n\n"),
    "unknown properties": ("create_user", "\n\n\n", '\n\n\nclass Request(Request, extra="ignore"): ...\n\n\n'),
    "the names of Python": (
        "create_user",
        "\n\n\n",
        "\n\n\nclass Request(Request, validate_by_name=True, validate_by_alias=True): ...\n\n\n",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_comparison_finds_a_model_that_differs(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operation_id, old, new = MUTANTS[mutant]
    source = (FOLDER / "requests.py").read_text()
    assert old in source
    module = ModuleType("mutated")
    monkeypatch.setitem(sys.modules, "mutated", module)
    exec(source.replace(old, new, 1 if old == "\n\n\n" else -1), vars(module))  # noqa: S102 - it is our own source
    monkeypatch.setattr(validation, "OPERATIONS", module.OPERATIONS)
    assert next(differences(operation_id), None)


@pytest.mark.parametrize("operation_id", ["create_event", "update_event"])
def test_the_comparison_finds_that_two_names_of_one_field_are_accepted(
    operation_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RequestSchema, "_duplicates", lambda _self, _body: [])
    assert next(differences(operation_id), None)
