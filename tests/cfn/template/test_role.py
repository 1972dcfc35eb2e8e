"""The role allows exactly the actions that the storage uses."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from cfn.template.build import build_template
from cfn.template.role import GRANTS
from storage import (
    admissions,
    departures,
    event_deletion,
    events,
    registration_lists,
    registrations,
    user_deletion,
    users,
)
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered
from storage.items import BLOCK, registration_key, seats_key
from storage.model import EventFields
from tests.apparatus.hooks import hooked

#: Kind of a step in a transaction -> the action that authorises it.
_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _used(params: dict[str, Any], action: str) -> Iterator[tuple[str, str]]:
    """Yield the action and the table or index of a call, or of every step of a transaction."""
    match action:
        case "TransactWriteItems":
            for step in params["TransactItems"]:
                ((kind, content),) = step.items()
                yield _ACTIONS[kind], content["TableName"]
        case "BatchGetItem":
            yield from (("BatchGetItem", table) for table in params["RequestItems"])
        case "TransactGetItems":
            yield from (("GetItem", member["Get"]["TableName"]) for member in params["TransactItems"])
        case _:
            index = params.get("IndexName")
            yield action, f"{params['TableName']}/index/{index}" if index else params["TableName"]


def _fields(capacity: int = 1) -> EventFields:
    return EventFields(
        title="Talk",
        description="A talk",
        date="2030-01-01",
        location="Here",
        capacity=capacity,
        organizer="Us",
        status="active",
        has_waitlist=True,
    )


def _use_every_path(tables: Tables) -> None:
    """Run every code path of the storage that makes different calls to DynamoDB."""
    tables.ping()
    for user in ("ann", "bob", "cat", "dan"):
        users.create(tables, user, user)
    users.get(tables, "ann")
    users.get_all(tables, ["ann"])
    events.create(tables, "talk", _fields())
    events.create(tables, "void", _fields())
    events.list_page(tables, limit=10)
    events.list_page(tables, status="active", limit=10)
    for user in ("ann", "bob", "cat", "dan"):
        registrations.register(tables, "talk", user)
    with pytest.raises(AlreadyRegistered):
        registrations.register(tables, "talk", "ann")
    registrations.get(tables, "talk", "cat")
    registration_lists.of_event(tables, "talk", limit=10, cursor=None)
    registration_lists.of_event(tables, "talk", status="waitlisted", limit=10, cursor=None)
    registration_lists.of_event(tables, "void", limit=10, cursor=None)
    registration_lists.of_user(tables, "cat", limit=10)
    registration_lists.pointed_to(tables, "cat", 10, None)
    registration_lists.items_of_event(tables, "talk", 10)
    registrations.unregister(tables, "talk", "ann")
    admissions.register_all(tables, "talk", ["ann", "eve"])
    departures.unregister_all(tables, "talk", ["ann", "eve"])
    registrations.unregister(tables, "talk", "dan")
    events.update(tables, "talk", {"capacity": 5})
    events.get(tables, "talk")
    event_deletion.delete(tables, "void")
    queue_is_long = Step(
        action="Update", table="Events", key=seats_key("long"), change="SET #nextSeq = :n", values={"n": 99 * BLOCK}
    )
    events.create(tables, "long", _fields())
    tables.transact([queue_is_long])
    event_deletion.delete(tables, "long")
    # Its pointer is a ghost.
    tables.transact([Step(action="Delete", table="Registrations", key=registration_key("talk", "cat"))])
    user_deletion.delete(tables, "cat")
    events.create(tables, "gone", _fields())
    registrations.register(tables, "gone", "bob")
    event_deletion.delete_with_registrations(tables, "gone")


def test_the_role_grants_exactly_what_the_storage_uses(moto_tables: Tables) -> None:
    used: set[tuple[str, str]] = set()

    def record(params: dict[str, Any], model: Any, **_event: Any) -> None:
        used.update(_used(params, model.name))

    with hooked(moto_tables, "provide-client-params.dynamodb.*", record):
        _use_every_path(moto_tables)
    granted = {(action, resource) for resource, actions in GRANTS.items() for action in actions}
    assert used == granted


def test_this_file_calls_every_public_function_of_the_storage() -> None:
    public = {
        name
        for module in (event_deletion, events, registration_lists, registrations, user_deletion, users)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public <= set(_use_every_path.__code__.co_names)


def test_every_grant_is_for_one_table_or_one_of_its_indexes() -> None:
    role = build_template("Release").to_dict()["Resources"]["FunctionRole"]["Properties"]
    policies = {policy["PolicyName"]: policy["PolicyDocument"]["Statement"] for policy in role["Policies"]}
    granted, table_arn = set(), "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"
    for statement in policies["tables"]:
        arn, names = statement["Resource"]["Fn::Sub"]
        table = names["Table"]["Fn::If"][2]["Ref"].removesuffix("TableName")
        granted.add(arn.replace(table_arn, table))
        assert "*" not in str(statement)
    assert granted == GRANTS.keys()
    resources = build_template("Release").to_dict()["Resources"]
    own = resources["InvocationPolicy"]["Properties"]
    assert own["Roles"] == [{"Ref": "FunctionRole"}]
    assert own["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": {"Ref": "LiveAlias"}}
    ]
    assert policies["logs"][0]["Resource"] == {"Fn::GetAtt": ["ServiceLog", "Arn"]}
