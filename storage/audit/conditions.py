"""The parts of every repair: a transaction on the condition that its items are as they were found."""

from collections.abc import Iterable

from storage.audit.findings import Violation
from storage.dynamodb.attributes import Item, Key, Value, Values
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting


def transact(tables: Tables, *steps: Step) -> None:
    """Do all steps or none, with retries while other transactions hold the same items.

    Raises:
        Conflicting: An item is not as it was found.

    """
    tables.retry(lambda _image: tables.transact(steps))


def changed(_image: Item | None) -> Conflicting:
    """Return the refusal of a step whose item is not as it was found."""
    return Conflicting("it is not as it was found")


def as_found(item: Item, names: Iterable[str] | None = None) -> tuple[str, dict[str, Value]]:
    """Return the condition that an item, or some of its attributes, is as it was found, and the condition's values."""
    judged = list(item if names is None else names)
    tests = [f"#{name} = :found{name}" if name in item else f"attribute_not_exists(#{name})" for name in judged]
    return " AND ".join(tests), {f"found{name}": item[name] for name in judged if name in item}


def found(violation: Violation, name: str) -> Item:
    """Return an existing item that a violation was judged by."""
    item = violation.seen[name]
    assert item is not None
    return item


def check(table: str, key: Key, condition: str, values: Values | None = None) -> Step:
    """Return a step that writes nothing and only checks a condition."""
    return Step(
        action="ConditionCheck", table=table, key=key, condition=condition, values=values or {}, refusal=changed
    )
