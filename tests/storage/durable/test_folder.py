"""The data folder: the state is that of all writes, and is never overwritten before its successor is on the disk."""

from pathlib import Path
from typing import Any

import pytest

from storage.durable import folder
from storage.durable.folder import State, load
from storage.durable.log import FORMAT, Document, Log, LogError, line

SCOPE = ["000000000000", "us-east-1"]
KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
CREATE: Document = {"scope": SCOPE, "call": ["CreateTable", {"TableName": "T", "KeySchema": KEYS}]}


def item(number: int, value: str = "v") -> dict[str, Any]:
    return {"pk": {"S": str(number)}, "sk": {"S": "s"}, "value": {"S": value}}


def put(*items: Any, table: str = "T") -> Document:
    return {"scope": SCOPE, "put": [[table, each] for each in items]}


def delete(number: int) -> Document:
    return {"scope": SCOPE, "delete": [["T", {"pk": {"S": str(number)}, "sk": {"S": "s"}}]]}


def append(path: Path, *documents: Document) -> None:
    log = Log(path, pytest.fail)
    for document in documents:
        log.append(document)
    log.close()


def items(state: State) -> list[Any]:
    return [found for table in state.items.values() for found in table.values()]


def test_a_new_folder_has_an_empty_log(tmp_path: Path) -> None:
    path, state = load(tmp_path)
    assert path.read_bytes() == line({"format": FORMAT})
    assert items(state) == []


def test_the_state_is_that_of_all_writes_in_their_order(tmp_path: Path) -> None:
    path, _state = load(tmp_path)
    append(path, CREATE, put(item(1), item(2)), put(item(1, "changed")), delete(2), put(item(3)), delete(9))
    again, state = load(tmp_path)
    assert again == path
    assert items(state) == [item(1, "changed"), item(3)]
    assert state.calls == [(tuple(SCOPE), *CREATE["call"])]


def test_a_deleted_table_and_one_that_was_made_again_have_none_of_the_old_items(tmp_path: Path) -> None:
    path, _state = load(tmp_path)
    append(path, CREATE, put(item(1)), {"scope": SCOPE, "call": ["DeleteTable", {"TableName": "T"}]})
    assert load(tmp_path)[1] == State(changes=3)
    append(path, CREATE, put(item(2)))
    assert items(load(tmp_path)[1]) == [item(2)]


def test_tables_of_the_same_name_in_two_regions_are_two(tmp_path: Path) -> None:
    path, _state = load(tmp_path)
    elsewhere = {"scope": [SCOPE[0], "eu-west-1"]}
    append(path, CREATE, {**CREATE, **elsewhere}, put(item(1)), {**put(item(1, "other")), **elsewhere})
    assert items(load(tmp_path)[1]) == [item(1), item(1, "other")]


@pytest.fixture
def outdated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a log of which most is outdated, and return its path."""
    monkeypatch.setattr(folder, "_SMALL", 0)
    path, _state = load(tmp_path)
    append(path, CREATE, *(put(item(number % 30, str(number))) for number in range(100)), delete(29))
    return path


def test_a_log_that_is_mostly_outdated_is_rewritten_and_the_one_before_is_kept(outdated: Path) -> None:
    size = outdated.stat().st_size
    second, state = load(outdated.parent)
    assert second.name == "items-000002.log"
    assert outdated.stat().st_size == size > second.stat().st_size
    assert load(outdated.parent) == (second, State(state.calls, state.keys, state.items, changes=1 + 29))
    assert items(state) == [item(number, str(number + 90 if number < 10 else number + 60)) for number in range(29)]


def test_only_the_owner_may_read_a_log(outdated: Path) -> None:
    """Also if a start that was interrupted has left a file that everybody may read."""
    (outdated.parent / "items-000002.new").touch(mode=0o644)
    second, _state = load(outdated.parent)
    assert [path.stat().st_mode & 0o777 for path in (outdated, second)] == [0o600, 0o600]


def test_of_all_logs_the_last_two_are_kept(outdated: Path) -> None:
    second, _state = load(outdated.parent)
    append(second, *(put(item(1, str(number))) for number in range(100)))
    third, _state = load(outdated.parent)
    assert sorted(outdated.parent.iterdir()) == [second, third]


def test_a_rewriting_that_is_interrupted_changes_nothing(outdated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = outdated.read_bytes()

    def interrupted(_file: int) -> None:
        if outdated.with_name("items-000002.new").exists():
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "sync", interrupted)
    with pytest.raises(LogError, match=r"can't write to .*items-000002\.log: No space left"):
        load(outdated.parent)
    monkeypatch.undo()
    monkeypatch.setattr(folder, "_SMALL", 0)
    assert outdated.read_bytes() == before
    assert load(outdated.parent)[0].name == "items-000002.log"


def test_damage_is_reported_with_the_log_before_and_nothing_is_overwritten(outdated: Path) -> None:
    second, _state = load(outdated.parent)
    second.write_bytes(b"damaged")
    with pytest.raises(LogError, match=rf"log before it is {outdated}: move items-000002.log away to go back to that"):
        load(outdated.parent)
    assert second.read_bytes() == b"damaged"
    second.rename(second.with_name("damaged"))
    assert len(items(load(outdated.parent)[1])) == 29
