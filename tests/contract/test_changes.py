"""Changes of the contract that break clients are told from those that do not, and need a new major version."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from handlers.contract import Contract
from tests.contract.changes import RELEASED, changes, may_follow

Edit = Callable[[dict[str, Any]], object]


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def parameter(document: dict[str, Any], name: str) -> Any:
    return document["components"]["parameters"][name]


def operation(document: dict[str, Any], method: str = "get", path: str = "/events") -> Any:
    return document["paths"][path][method]


def test_the_contract_breaks_no_client_of_the_last_release() -> None:
    old, new = Contract(RELEASED).document, Contract().document
    assert may_follow(old, new), [str(change) for change in changes(old, new) if change.breaking]


BREAKING: dict[str, Edit] = {
    "a tightened maximum": lambda d: schema(d, "EventCapacity").update(maximum=10),
    "a raised minimum": lambda d: schema(d, "EventCapacity").update(minimum=2),
    "a new required property": lambda d: (
        schema(d, "UserInput")["properties"].update(email={"type": "string"}),
        schema(d, "UserInput")["required"].append("email"),
    ),
    "a property that became required": lambda d: schema(d, "UserInput")["required"].append("userId"),
    "a property that requests have no more": lambda d: schema(d, "EventInput")["properties"].pop("waitlistEnabled"),
    "a property that responses have no more": lambda d: schema(d, "User")["properties"].pop("createdAt"),
    "a property that responses may lack": lambda d: schema(d, "User")["required"].remove("createdAt"),
    "a removed value of a request": lambda d: schema(d, "EventStatus")["enum"].remove("scheduled"),
    "a removed value of a response": lambda d: schema(d, "Registration")["properties"].update(
        status={"type": "string", "enum": ["confirmed"]}
    ),
    "a new value of a response": lambda d: schema(d, "RegistrationStatus")["enum"].append("invited"),
    "a loosened maximum of a response": lambda d: schema(d, "WaitlistPosition").update(maximum=2000000000),
    "a response of another type": lambda d: schema(d, "WaitlistPosition").update(type="string"),
    "another pattern": lambda d: schema(d, "UserId").update(pattern="^[a-z]+$"),
    "a new pattern": lambda d: parameter(d, "From")["schema"].update(pattern="^2"),
    "null in a response": lambda d: schema(d, "ConfirmedCount").update(nullable=True),
    "another default": lambda d: parameter(d, "Limit")["schema"].update(default=20),
    "a removed parameter": lambda d: operation(d)["parameters"].pop(0),
    "a new required parameter": lambda d: operation(d)["parameters"].append(
        {"name": "tenant", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter that became required": lambda d: parameter(d, "IfMatch").update(required=True),
    "a body where there was none": lambda d: operation(d, "delete", "/events/{eventId}").update(
        requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    ),
    "a removed response": lambda d: operation(d)["responses"].pop("422"),
    "another kind of success": lambda d: operation(d)["responses"].update({"202": {"description": "Later"}}),
    "another media type of a response": lambda d: operation(d)["responses"]["200"].update(
        content={"application/xml": {"schema": {"type": "object"}}}
    ),
    "a removed header": lambda d: operation(d, "post")["responses"]["201"]["headers"].pop("ETag"),
    "a header that may be absent": lambda d: d["components"]["headers"]["ETag"].update(required=False),
    "a removed operation": lambda d: d["paths"]["/users/{userId}"].pop("get"),
    "a renamed operation": lambda d: operation(d).update(operationId="handlers.events.find_events"),
    "a moved operation": lambda d: d["paths"].update({"/people": d["paths"].pop("/users")}),
}

ADDITIONS: dict[str, Edit] = {
    "a loosened maximum of a request": lambda d: schema(d, "UserInput")["properties"].update(
        name={**schema(d, "UserName"), "maxLength": 300}
    ),
    "a new optional property of a request": lambda d: schema(d, "UserInput")["properties"].update(
        email={"type": "string"}
    ),
    "a new property of a response": lambda d: schema(d, "User")["properties"].update(email={"type": "string"}),
    "a response that is always whole": lambda d: schema(d, "EventPage")["required"].append("nextCursor"),
    "a new optional parameter": lambda d: operation(d)["parameters"].append(
        {"name": "organizer", "in": "query", "schema": {"type": "string"}}
    ),
    "a new refusal": lambda d: operation(d)["responses"].update({"429": {"description": "Slower"}}),
    "a new header": lambda d: operation(d)["responses"]["200"]["headers"].update(Age={"schema": {"type": "integer"}}),
    "a new operation": lambda d: d["paths"].update({"/new": d["paths"]["/users"]}),
    "other words": lambda d: (
        operation(d).update(summary="All events", description="All of them."),
        schema(d, "Event").update(description="Something to go to."),
    ),
}


def edited(edit: Edit) -> tuple[dict[str, Any], dict[str, Any]]:
    old = Contract().document
    new = copy.deepcopy(old)
    edit(new)
    return old, new


@pytest.mark.parametrize("edit", BREAKING.values(), ids=BREAKING)
def test_a_change_that_breaks_clients_needs_a_new_major_version(edit: Edit) -> None:
    old, new = edited(edit)
    assert any(change.breaking for change in changes(old, new))
    old["info"]["version"] = new["info"]["version"] = "1.2.3"
    assert not may_follow(old, new)
    new["info"]["version"] = "1.3.0"
    assert not may_follow(old, new)
    new["info"]["version"] = "2.0.0"
    assert may_follow(old, new)


@pytest.mark.parametrize("edit", ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_breaks_nobody(edit: Edit) -> None:
    old, new = edited(edit)
    found = changes(old, new)
    assert not [str(change) for change in found if change.breaking]
    assert may_follow(old, new)


def test_below_1_0_0_a_minor_version_may_break_clients() -> None:
    old, new = edited(BREAKING["a removed response"])
    old["info"]["version"], new["info"]["version"] = "0.1.0", "0.1.1"
    assert not may_follow(old, new)
    new["info"]["version"] = "0.2.0"
    assert may_follow(old, new)


def test_nothing_changed_between_a_contract_and_itself() -> None:
    assert not changes(*edited(lambda _document: None))
