"""Compares two versions of the contract: lists the changes, and which of them break clients.

A request schema may only be loosened: every request that was valid stays valid. A response schema may only be
tightened: a client never receives a value that the old contract did not describe. `python -m tests.contract.changes`
prints the changes since the last release, which is the newest git tag of the form `vX.Y.Z`.
"""

import functools
import operator
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from handlers.contract import PATH, Contract
from tests.contract.schema_changes import Change, Sent, schema_changes

_METHODS: Final = ("get", "put", "post", "delete", "patch", "options", "head", "trace")


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return the differences between two contracts that a client can observe."""
    before, after = _operations(old), _operations(new)
    found = [Change(where, "removed", breaking=True) for where in before.keys() - after.keys()]
    found += [Change(where, "added", breaking=False) for where in after.keys() - before.keys()]
    for where in before.keys() & after.keys():
        if before[where] != after[where]:  # Most are equal, and a comparison of schemas is slow.
            found += _operation(where, before[where], after[where])
    return sorted(found, key=str)


def may_follow(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether the new version number allows the changes: a breaking change needs a new major version.

    Below 1.0.0 it needs a new minor version, as in Semantic Versioning.
    """
    was, now = (tuple(map(int, document["info"]["version"].split("."))) for document in (old, new))
    promise = 1 if was[0] else 2
    return now[:promise] > was[:promise] or not any(change.breaking for change in changes(old, new))


def last_release(folder: Path = PATH.parent) -> dict[str, Any] | None:
    """Return the contract of the newest release tag of a checkout; None without git, a repository or a tag.

    A shallow clone has no tags: fetch them first (`git fetch --tags`).

    Raises:
        RuntimeError: git fails, for example because the checkout belongs to another user; the message is git's.

    """
    if shutil.which("git") is None or not (folder / ".git").exists():
        return None
    versions = re.findall(r"^v(\d+)\.(\d+)\.(\d+)$", _git(folder, "tag", "--list", "v*"), re.MULTILINE)
    if not versions:
        return None
    newest = "v" + ".".join(max(versions, key=lambda version: tuple(map(int, version))))
    document: dict[str, Any] = yaml.safe_load(_git(folder, "show", f"{newest}:./{PATH.name}"))
    return document


def _git(folder: Path, *arguments: str) -> str:
    """Return the output of a git command; raise RuntimeError if it fails."""
    git = shutil.which("git") or "git"
    done = subprocess.run([git, *arguments], cwd=folder, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _operations(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    resolved = _resolved(document, document, {})
    return {
        f"{method.upper()} {path}": {
            "security": document.get("security", []),
            **item[method],
            "parameters": _parameters(item, item[method]),
        }
        for path, item in resolved["paths"].items()
        for method in _METHODS
        if method in item
    }


def _resolved(part: Any, document: Mapping[str, Any], known: dict[str, Any]) -> Any:
    """Return a part of the document with every reference replaced by its target; `known` caches the targets."""
    if isinstance(part, list):
        return [_resolved(member, document, known) for member in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        reference = part["$ref"]
        if reference not in known:
            steps = reference.removeprefix("#/").split("/")
            known[reference] = _resolved(functools.reduce(operator.getitem, steps, document), document, known)
        return known[reference]
    return {name: _resolved(member, document, known) for name, member in part.items()}


def _parameters(item: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    every = [*item.get("parameters", []), *operation.get("parameters", [])]
    return {f"{parameter['in']} parameter {parameter['name']}": parameter for parameter in every}


def _operation(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old["operationId"] != new["operationId"]:
        yield Change(where, f"renamed from {old['operationId']} to {new['operationId']}", breaking=True)
    yield from _security(where, old["security"], new["security"])
    yield from _sent(where, old["parameters"], new["parameters"])
    body = "request body"
    yield from _sent(
        where,
        {body: old["requestBody"]} if "requestBody" in old else {},
        {body: new["requestBody"]} if "requestBody" in new else {},
    )
    yield from _answers(where, old["responses"], new["responses"])


#: What a client must have for one alternative: the schemes, each with its scopes.
_Needs = frozenset[tuple[str, str]]


def _security(where: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    """Compare who may call an operation: each client that could call it before must still be able to.

    A client has what one of the old alternatives needs, or nothing if there were none.
    """
    before, after = _alternatives(old), _alternatives(new)
    for needs in before - after:
        breaking = not any(enough <= needs for enough in after)
        yield Change(where, f"security {_listed(needs)} removed", breaking=breaking)
    for needs in after - before:
        yield Change(where, f"security {_listed(needs)} added", breaking=False)


def _alternatives(security: Sequence[Mapping[str, Any]]) -> set[_Needs]:
    """Return the alternatives of an operation; a public one has the alternative of needing nothing."""
    found = {frozenset((name, scope) for name, scopes in each.items() for scope in ["", *scopes]) for each in security}
    return found or {frozenset()}


def _listed(needs: _Needs) -> str:
    return " and ".join(sorted(f"{name} {scope}".strip() for name, scope in needs)) or "of nobody"


def _sent(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Compare what a client sends: the parameters, or the request body."""
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
    """Return the schemas of a part by media type, which is empty for a parameter."""
    content: Mapping[str, Any] = part.get("content", {"": part} if "schema" in part else {})
    return content


def _answers(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for status in old.keys() - new.keys():
        yield Change(where, f"response {status} removed", breaking=True)
    for status in new.keys() - old.keys():
        # Clients read an error status they do not know as a problem document, but can't read an unknown success.
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
    """Print the changes since the last release; exit with 1 if the version does not allow them."""
    old, new = last_release(), Contract().document
    if old is None:
        print("Nothing released yet.")  # noqa: T201 - a command's output
        return
    for change in changes(old, new):
        print(change)  # noqa: T201 - a command's output
    if not may_follow(old, new):
        released = old["info"]["version"]
        sys.exit(f"Clients of {released} would break: raise the major version (below 1.0.0, the minor version).")


if __name__ == "__main__":
    main()
