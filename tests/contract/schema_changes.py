"""What changed between two versions of a schema, and which of it breaks clients."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

#: Keywords that allow more the greater they are, and those that allow more the smaller they are.
_UPPER_BOUNDS: Final = ("maximum", "maxLength", "maxItems", "maxProperties")
_LOWER_BOUNDS: Final = ("minimum", "minLength", "minItems", "minProperties")

#: Keywords that allow less where they are, of which nobody can tell whether another value allows more or less.
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
    """Who sends what a schema describes."""

    BY_CLIENT = "request"
    BY_SERVICE = "response"

    @property
    def breaks(self) -> str:
        """Clients are broken by a request that may be less than before, and by a response that may be more."""
        return "tighter" if self is Sent.BY_CLIENT else "looser"


@dataclass(frozen=True)
class Change:
    """Something that is not as it was."""

    where: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'BREAKING' if self.breaking else 'addition'}  {self.where}: {self.what}"


def schema_changes(where: str, old: Mapping[str, Any], new: Mapping[str, Any], sent: Sent) -> Iterator[Change]:
    """Yield how a schema, without references, differs from what it was."""
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
    """Return the same schema without an allOf of one, which only stands there to have siblings."""
    if len(schema.get("allOf", [])) == 1:
        return {**schema["allOf"][0], **{name: value for name, value in schema.items() if name != "allOf"}}
    return schema


def _keywords(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each keyword that changed, and whether it is tighter or looser; both if nobody can tell."""
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
    if "enum" not in old or "enum" not in new:
        if "enum" in old:
            yield Change(where, "looser enum, any value now", breaking=sent is Sent.BY_SERVICE)
        if "enum" in new:
            yield Change(where, f"tighter enum, only {new['enum']} now", breaking=sent is Sent.BY_CLIENT)
        return
    for value in old["enum"]:
        if value not in new["enum"]:
            # Even if only the service sends it: somebody waits for it.
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
