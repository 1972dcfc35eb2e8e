"""What changed between two versions of the contract, and which of it breaks clients.

A client sends requests and reads responses. So a request may only be loosened: what was right to send stays right. A
response may only be tightened: whatever comes, clients have been told of it. `python -m tests.contract.changes` prints
all changes since the last release.
"""

import functools
import operator
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from handlers.contract import Contract
from tests.contract.schema_changes import Change, Sent, schema_changes

RELEASED: Final = Path(__file__).with_name("released.yaml")

_METHODS: Final = ("get", "put", "post", "delete", "patch", "options", "head", "trace")


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return how the new contract differs from the old one for its clients."""
    before, after = _operations(old), _operations(new)
    found = [Change(where, "removed", breaking=True) for where in before.keys() - after.keys()]
    found += [Change(where, "added", breaking=False) for where in after.keys() - before.keys()]
    for where in before.keys() & after.keys():
        found += _operation(where, before[where], after[where])
    return sorted(found, key=str)


def may_follow(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether the new contract's version allows for what has changed: breaking changes need a new major version.

    Below 1.0.0 the minor version stands for the major one, as semver has it.
    """
    was, now = (tuple(map(int, document["info"]["version"].split("."))) for document in (old, new))
    promise = 1 if was[0] else 2
    return now[:promise] > was[:promise] or not any(change.breaking for change in changes(old, new))


def _operations(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    resolved = _resolved(document, document)
    return {
        f"{method.upper()} {path}": {**item[method], "parameters": _parameters(item, item[method])}
        for path, item in resolved["paths"].items()
        for method in _METHODS
        if method in item
    }


def _resolved(part: Any, document: Mapping[str, Any]) -> Any:
    """Return a part of the document with every reference replaced by what it refers to."""
    if isinstance(part, list):
        return [_resolved(member, document) for member in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        steps = part["$ref"].removeprefix("#/").split("/")
        return _resolved(functools.reduce(operator.getitem, steps, document), document)
    return {name: _resolved(member, document) for name, member in part.items()}


def _parameters(item: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    every = [*item.get("parameters", []), *operation.get("parameters", [])]
    return {f"{parameter['in']} parameter {parameter['name']}": parameter for parameter in every}


def _operation(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old["operationId"] != new["operationId"]:
        yield Change(where, f"renamed from {old['operationId']} to {new['operationId']}", breaking=True)
    yield from _sent(where, old["parameters"], new["parameters"])
    body = "request body"
    yield from _sent(
        where,
        {body: old["requestBody"]} if "requestBody" in old else {},
        {body: new["requestBody"]} if "requestBody" in new else {},
    )
    yield from _answers(where, old["responses"], new["responses"])


def _sent(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Compare what a client sends: parameters, or the one body."""
    for name in old.keys() - new.keys():
        yield Change(where, f"{name} removed", breaking=True)
    for name in new.keys() - old.keys():
        required = new[name].get("required", False)
        yield Change(where, f"{'required' if required else 'optional'} {name} added", breaking=required)
    for name in old.keys() & new.keys():
        here = f"{where}: {name}"
        was, now = old[name].get("required", False), new[name].get("required", False)
        if was != now:
            yield Change(here, "required" if now else "optional now", breaking=now)
        yield from _contents(here, _content(old[name]), _content(new[name]), Sent.BY_CLIENT)


def _content(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schemas of a part by media type; a parameter's has none."""
    content: Mapping[str, Any] = part.get("content", {"": part} if "schema" in part else {})
    return content


def _answers(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for status in old.keys() - new.keys():
        yield Change(where, f"response {status} removed", breaking=True)
    for status in new.keys() - old.keys():
        # A client reads a refusal it has not met as a problem; another kind of success it does not understand.
        yield Change(where, f"response {status} added", breaking=status[0] in "123")
    for status in old.keys() & new.keys():
        here = f"{where}: {status}"
        yield from _contents(here, _content(old[status]), _content(new[status]), Sent.BY_SERVICE)
        yield from _headers(here, old[status].get("headers", {}), new[status].get("headers", {}))


def _headers(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield Change(where, f"header {name} removed", breaking=True)
    for name in new.keys() - old.keys():
        yield Change(where, f"header {name} added", breaking=False)
    for name in old.keys() & new.keys():
        was, now = old[name].get("required", False), new[name].get("required", False)
        if was != now:
            yield Change(where, f"header {name} {'always sent' if now else 'optional'} now", breaking=was)
        yield from schema_changes(f"{where}: header {name}", old[name]["schema"], new[name]["schema"], Sent.BY_SERVICE)


def _contents(where: str, old: Mapping[str, Any], new: Mapping[str, Any], sent: Sent) -> Iterator[Change]:
    for media_type in old.keys() - new.keys():
        yield Change(where, f"{media_type} removed", breaking=True)
    for media_type in new.keys() - old.keys():
        yield Change(where, f"{media_type} added", breaking=sent is Sent.BY_SERVICE)
    for media_type in old.keys() & new.keys():
        yield from schema_changes(where, old[media_type]["schema"], new[media_type]["schema"], sent)


def main() -> None:
    """Print what changed since the release; exit with 1 if the version does not allow for it."""
    old, new = Contract(RELEASED).document, Contract().document
    for change in changes(old, new):
        print(change)  # noqa: T201 - a command's output
    if not may_follow(old, new):
        sys.exit(
            f"Clients of {old['info']['version']} would break: this needs a new major version (minor, below 1.0.0)."
        )


if __name__ == "__main__":
    main()
