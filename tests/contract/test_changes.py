"""Changes of the contract that break clients are distinguished from those that do not, and need a new major version."""

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers.contract import Contract
from tests.contract.changes import changes, last_release, main, may_follow

Edit = Callable[[dict[str, Any]], object]


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def parameter(document: dict[str, Any], name: str) -> Any:
    return document["components"]["parameters"][name]


def operation(document: dict[str, Any], method: str = "get", path: str = "/events") -> Any:
    return document["paths"][path][method]


def test_the_contract_breaks_no_client_of_the_last_release() -> None:
    old, new = last_release(), Contract().document
    if old is None:
        pytest.skip("nothing released yet")
    assert may_follow(old, new), [str(change) for change in changes(old, new) if change.breaking]


BREAKING: dict[str, Edit] = {
    "a tightened maximum": lambda d: schema(d, "EventCapacity").update(maximum=10),
    "a raised minimum": lambda d: schema(d, "EventCapacity").update(minimum=2),
    "a new required property": lambda d: (
        schema(d, "UserInput")["properties"].update(email={"type": "string"}),
        schema(d, "UserInput")["required"].append("email"),
    ),
    "a property of a request that became required": lambda d: schema(d, "UserInput")["required"].append("userId"),
    "a removed property of a request": lambda d: schema(d, "EventInput")["properties"].pop("waitlistEnabled"),
    "a removed property of a response": lambda d: schema(d, "User")["properties"].pop("createdAt"),
    "a property of a response that became optional": lambda d: schema(d, "User")["required"].remove("createdAt"),
    "a removed value of a request": lambda d: schema(d, "EventStatus")["enum"].remove("scheduled"),
    "a removed value of a response": lambda d: schema(d, "Registration")["properties"].update(
        status={"type": "string", "enum": ["confirmed"]}
    ),
    "a removed problem type": lambda d: schema(d, "ProblemType")["x-extensible-enum"].pop(),
    "a new value of a response": lambda d: schema(d, "RegistrationStatus")["enum"].append("invited"),
    "a loosened maximum of a response": lambda d: schema(d, "WaitlistPosition").update(maximum=2000000000),
    "a response of another type": lambda d: schema(d, "WaitlistPosition").update(type="string"),
    "another pattern": lambda d: schema(d, "UserId").update(pattern="^[a-z]+$"),
    "a new pattern": lambda d: schema(d, "Day").update(pattern="^2"),
    "a response that became nullable": lambda d: schema(d, "ConfirmedCount").update(nullable=True),
    "another default": lambda d: parameter(d, "Limit")["schema"].update(default=20),
    "a removed parameter": lambda d: operation(d)["parameters"].pop(0),
    "a new required parameter": lambda d: operation(d)["parameters"].append(
        {"name": "tenant", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter that became required": lambda d: parameter(d, "IfMatch").update(required=True),
    "a new required request body": lambda d: operation(d, "delete", "/events/{eventId}").update(
        requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    ),
    "a removed response": lambda d: operation(d)["responses"].pop("422"),
    "a new success status": lambda d: operation(d)["responses"].update({"202": {"description": "Later"}}),
    "another media type of a response": lambda d: operation(d)["responses"]["200"].update(
        content={"application/xml": {"schema": {"type": "object"}}}
    ),
    "a removed header": lambda d: operation(d, "post")["responses"]["201"]["headers"].pop("ETag"),
    "a header that became optional": lambda d: d["components"]["headers"]["ETag"].update(required=False),
    "a removed operation": lambda d: d["paths"]["/users/{userId}"].pop("get"),
    "a renamed operation": lambda d: operation(d).update(operationId="find_events"),
    "an operation on another path": lambda d: d["paths"].update({"/people": d["paths"].pop("/users")}),
}

#: Requirements that some clients of before do not fulfil.
BREAKING |= {
    "a public operation that needs a token": lambda d: operation(d).update(security=[{"person": []}]),
    "a role that may not call an operation any more": lambda d: operation(d, "post", "/users").update(
        security=[{"organizer": []}]
    ),
    "another role for an operation": lambda d: operation(d, "post").update(security=[{"person": []}]),
    "a second scheme beside the first": lambda d: operation(d, "post").update(security=[{"organizer": [], "key": []}]),
    "a scope that is needed as well": lambda d: operation(d, "post").update(security=[{"organizer": ["write"]}]),
    "a requirement of all operations": lambda d: (
        [item[method].pop("security") for item in d["paths"].values() for method in item if method != "parameters"],
        d.update(security=[{"organizer": []}]),
    ),
}

ADDITIONS: dict[str, Edit] = {
    "an operation that became public": lambda d: operation(d, "post").update(security=[]),
    "an operation that needs a token no longer": lambda d: operation(d, "post").update(security=[{}]),
    "a new role for an operation": lambda d: operation(d, "post").update(security=[{"organizer": []}, {"person": []}]),
    "a loosened maximum of a request": lambda d: schema(d, "UserInput")["properties"].update(
        name={**schema(d, "UserName"), "maxLength": 300}
    ),
    "a new optional property of a request": lambda d: schema(d, "UserInput")["properties"].update(
        email={"type": "string"}
    ),
    "a new property of a response": lambda d: schema(d, "User")["properties"].update(email={"type": "string"}),
    "a property of a response that became required": lambda d: schema(d, "EventPage")["required"].append("nextCursor"),
    "a new optional parameter": lambda d: operation(d)["parameters"].append(
        {"name": "organizer", "in": "query", "schema": {"type": "string"}}
    ),
    "a new problem type": lambda d: schema(d, "ProblemType")["x-extensible-enum"].append("urn:new"),
    "a new error status": lambda d: operation(d)["responses"].update({"451": {"description": "Gone"}}),
    "a new header": lambda d: operation(d)["responses"]["200"]["headers"].update(Age={"schema": {"type": "integer"}}),
    "a new operation": lambda d: d["paths"].update({"/new": d["paths"]["/users"]}),
    "other descriptions": lambda d: (
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
def test_an_addition_breaks_no_client(edit: Edit) -> None:
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


def test_other_texts_are_no_changes() -> None:
    def reword(document: dict[str, Any]) -> None:
        for item in document["paths"].values():
            for method in item.keys() & {"get", "post", "put", "delete"}:
                item[method].update(summary="Do it", description="It is done.")

    assert not changes(*edited(reword))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Create a git repository in `tmp_path`, and return a function that runs git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607 - git of the path

    git("init")
    return git


def release(folder: Path, git: Callable[..., None], version: str) -> None:
    """Commit and tag a contract of a version, in which one operation has another name."""
    document = Contract().document
    document["info"]["version"] = version
    operation(document).update(operationId="find_events")
    (folder / "openapi.yaml").write_text(yaml.safe_dump(document))
    git("add", "openapi.yaml")
    git("commit", "--message", version)
    git("tag", f"v{version}")


def test_without_a_release_tag_nothing_is_released_yet(
    tmp_path: Path,
    repository: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    release(tmp_path, repository, "1.0.0-rc.1")
    assert last_release(tmp_path) is None
    monkeypatch.setattr("tests.contract.changes.last_release", lambda: None)
    main()
    assert capsys.readouterr().out == "Nothing released yet.\n"


def test_without_a_repository_nothing_is_released_yet(tmp_path: Path) -> None:
    assert last_release(tmp_path) is None


def test_a_git_that_fails_is_not_taken_for_a_first_release(tmp_path: Path, repository: Callable[..., None]) -> None:
    release(tmp_path, repository, "1.0.0")
    (tmp_path / ".git" / "HEAD").write_text("damaged")
    with pytest.raises(RuntimeError, match="git tag --list v\\* failed: fatal"):
        last_release(tmp_path)


def test_the_contract_is_compared_with_that_of_the_newest_release_tag(
    tmp_path: Path,
    repository: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for version in ("0.9.0", "0.10.0", "0.2.0"):
        release(tmp_path, repository, version)
    (tmp_path / "openapi.yaml").write_text("changed since")
    released = last_release(tmp_path)
    assert released
    assert released["info"]["version"] == "0.10.0"
    monkeypatch.setattr("tests.contract.changes.last_release", lambda: released)
    released["info"]["version"] = Contract().document["info"]["version"]
    with pytest.raises(SystemExit, match="would break"):
        main()
    assert "renamed from find_events" in capsys.readouterr().out
