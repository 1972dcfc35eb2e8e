"""Compares two versions of a schema: lists the changes, and which of them break clients."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

#: Keywords that allow more values the greater they are, and the smaller they are.
_UPPER_BOUNDS: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_LOWER_BOUNDS: Final = ("minimum", "minLength", "minItems", "minProperties")

#: Keywords that restrict a value; whether a changed one allows more or less is not decidable here.
_OPAQUE: Final = (
    "type",
    "format",
    "pattern",
    "multipleOf",
    "uniqueItems",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
)


class Sent(Enum):
    """The side that sends the values of a schema."""

    BY_CLIENT = "request"
    BY_SERVICE = "response"

    @property
    def breaks(self) -> str:
        """The direction of change that breaks clients: a tighter request, a looser response."""
        return "tighter" if self is Sent.BY_CLIENT else "looser"


@dataclass(frozen=True)
class Change:
    """One difference between two contracts."""

    where: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'BREAKING' if self.breaking else 'addition'}  {self.where}: {self.what}"


def schema_changes(where: str, old: Mapping[str, Any], new: Mapping[str, Any], sent: Sent) -> Iterator[Change]:
    """Yield the changes of a schema without references."""
    old, new = _flat(old), _flat(new)
    for keyword, direction in _keywords(old, new):
        yield Change(
            where, f"{direction} {keyword}, {old.get(keyword)} -> {new.get(keyword)}", direction == sent.breaks
        )
    if sent is Sent.BY_CLIENT and old.get("default") != new.get("default"):
        yield Change(where, f"other default, {old.get('default')} -> {new.get('default')}", breaking=True)
    yield from _values(where, old, new, sent)
    yield from _properties(where, old, new, sent)
    if "items" in old and "items" in new:
        yield from schema_changes(f"{where}[]", old["items"], new["items"], sent)


def _flat(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Merge an allOf of one schema, which is only there to allow siblings of a `$ref`, into the schema."""
    if len(schema.get("allOf", [])) == 1:
        return {**schema["allOf"][0], **{name: value for name, value in schema.items() if name != "allOf"}}
    return schema


def _keywords(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each changed keyword with its direction, tighter or looser; both if it is not decidable."""
    for keyword in (*_UPPER_BOUNDS, *_LOWER_BOUNDS):
        sign = 1 if keyword in _UPPER_BOUNDS else -1
        was, now = (sign * schema[keyword] if keyword in schema else math.inf for schema in (old, new))
        if was != now:
            yield keyword, "tighter" if now < was else "looser"
    for keyword in _OPAQUE:
        if old.get(keyword) != new.get(keyword):
            if keyword in new:
                yield keyword, "tighter"
            if keyword in old:
                yield keyword, "looser"
    for keyword, default in (("additionalProperties", True), ("nullable", False)):
        was, now = (schema.get(keyword, default) for schema in (old, new))
        if was != now:
            yield keyword, "looser" if now is True else "tighter"


def _values(where: str, old: Mapping[str, Any], new: Mapping[str, Any], sent: Sent) -> Iterator[Change]:
    was, now = (schema.get("x-extensible-enum", []) for schema in (old, new))
    # Breaking even if clients accept any value: one may wait for it.
    yield from (Change(where, f"known value {value} removed", breaking=True) for value in was if value not in now)
    yield from (Change(where, f"known value {value} added", breaking=False) for value in now if value not in was)
    if "enum" not in old or "enum" not in new:
        if "enum" in old:
            yield Change(where, "looser enum, any value now", breaking=sent is Sent.BY_SERVICE)
        if "enum" in new:
            yield Change(where, f"tighter enum, only {new['enum']} now", breaking=sent is Sent.BY_CLIENT)
        return
    for value in old["enum"]:
        if value not in new["enum"]:
            # Breaking even if only the service sends it: a client may wait for it.
            yield Change(where, f"value {value} removed", breaking=True)
    for value in new["enum"]:
        if value not in old["enum"]:
            yield Change(where, f"value {value} added", breaking=sent is Sent.BY_SERVICE)


def _properties(where: str, old: Mapping[str, Any], new: Mapping[str, Any], sent: Sent) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", [])), set(new.get("required", []))
    for name in before.keys() - after.keys():
        yield Change(where, f"property {name} removed", breaking=True)
    for name in after.keys() - before.keys():
        required = name in is_required
        yield Change(
            where,
            f"{'required' if required else 'optional'} property {name} added",
            breaking=required and sent is Sent.BY_CLIENT,
        )
    for name in before.keys() & after.keys():
        if name in is_required - was_required:
            yield Change(where, f"property {name} is required now", breaking=sent is Sent.BY_CLIENT)
        if name in was_required - is_required:
            yield Change(where, f"property {name} is optional now", breaking=sent is Sent.BY_SERVICE)
        yield from schema_changes(f"{where}.{name}", before[name], after[name], sent)
