"""What the logs of a folder tell: each change once, in order, from any position on, also when a log is rewritten."""

from pathlib import Path
from typing import Any

import pytest

from storage.durable import folder, follower, position
from storage.durable.folder import load
from storage.durable.follower import Told, follow
from storage.durable.log import Document, LogError, line
from storage.durable.position import Position, set_first
from storage.schema import TABLES

SCOPE = ["000000000000", "us-east-1"]
START = Position("t", 1, 0)
KEYS = TABLES["Registrations"]["KeySchema"]
CREATE: Document = {"scope": SCOPE, "call": ["CreateTable", {"TableName": "Registrations", "KeySchema": KEYS}], "at": 1}


def put(user: str, status: str = "confirmed", table: str = "Registrations", **more: Any) -> Document:
    item = {"pk": {"S": "EVENT#e"}, "sk": {"S": f"USER#{user}"}, "status": {"S": status}, "registeredAt": {"S": "then"}}
    return {"scope": SCOPE, "put": [[table, item]], "at": 1.5, **more}


def delete(user: str, **more: Any) -> Document:
    keys = {"pk": {"S": "EVENT#e"}, "sk": {"S": f"USER#{user}"}}
    return {"scope": SCOPE, "delete": [["Registrations", keys]], "at": 2.5, **more}


WRITES = [
    {"scope": SCOPE, "call": ["CreateTable", {"TableName": "Events", "KeySchema": TABLES["Events"]["KeySchema"]}]},
    CREATE,
    put("ann"),
    put("ben", "waitlisted"),
    {"scope": SCOPE, "put": [["Events", {"eventId": {"S": "e"}, "part": {"S": "SEATS"}}]], "at": 1},
    {**delete("ann"), "put": put("ben")["put"]},
    put("ben"),
    {"scope": SCOPE, "put": [*put("cem")["put"], *put("dan")["put"]], "at": 1},
    delete("ben"),
    put("ann"),
]
TOLD = [
    ("confirmed", "ann"),
    ("waitlisted", "ben"),
    ("cancelled", "ann"),
    ("promoted", "ben"),
    ("confirmed", "cem"),
    ("confirmed", "dan"),
    ("cancelled", "ben"),
    ("confirmed", "ann"),
]


def append(path: Path, *documents: Document) -> None:
    with path.open("ab") as log:
        log.writelines(map(line, documents))


def told(folder: Path, start: Position) -> list[Told]:
    """Return all that is told up to now."""
    found = []
    for each in follow(folder, start):
        if each is None:
            break
        found.append(each)
    return found


def names(found: list[Told]) -> list[tuple[str, str]]:
    return [(each.notification.kind, each.notification.registration.user_id) for each in found]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make a folder with a log, in which everything happened."""
    (tmp_path / position.FOLDER).mkdir()
    path, _state = load(tmp_path)
    append(path, *WRITES)
    return tmp_path


def test_each_change_is_told_in_order_with_an_id_of_its_own_and_a_growing_sequence(data: Path) -> None:
    found = told(data, START)
    assert names(found) == TOLD
    assert len({each.id for each in found}) == len(TOLD)
    sequences = [each.sequence for each in found]
    assert sorted(set(sequences)) == sequences
    assert [each.at.timestamp() for each in found[:4]] == [1.5, 1.5, 2.5, 2.5]


def test_after_each_notification_it_goes_on_with_the_next_and_the_same_ids(data: Path) -> None:
    found = told(data, START)
    for number, each in enumerate(found):
        assert told(data, each.position) == found[number:]
        assert told(data, each.after) == found[number + 1 :]


def test_what_is_written_later_is_told_later_and_a_last_line_only_when_it_is_whole(data: Path) -> None:
    following = follow(data, told(data, START)[-1].after)
    assert next(following) is None
    path = data / "items-000001.log"
    whole, text = path.read_bytes(), line(delete("ann"))
    for length in range(len(text)):
        path.write_bytes(whole + text[:length])
        assert next(following) is None
    path.write_bytes(whole + text)
    found = next(following)
    assert found is not None
    assert names([found]) == [("cancelled", "ann")]


def test_what_is_told_is_on_the_disk_before(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(follower, "sync", synced.append)
    following = follow(data, START)
    assert synced == []
    assert next(following) is not None
    assert len(synced) == 1
    list(zip(range(7), following, strict=False))
    assert len(synced) == 1
    append(data / "items-000001.log", delete("ann"))
    assert any(next(following) for _ in range(2))
    assert len(synced) == 2


@pytest.fixture
def rewritten(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a log that was rewritten, and changed after that."""
    monkeypatch.setattr(folder, "_SMALL", -100)
    position.write(data, START)
    path, _state = load(data)
    assert path.name == "items-000002.log"
    append(path, delete("cem"))
    return data


def test_a_rewritten_log_tells_nothing_twice_and_nothing_is_lost(rewritten: Path) -> None:
    found = told(rewritten, START)
    assert names(found) == [*TOLD, ("cancelled", "cem")]
    for number, each in enumerate(found):
        assert told(rewritten, each.after) == found[number + 1 :]
    sequences = [each.sequence for each in found]
    assert sorted(set(sequences)) == sequences


def test_logs_that_are_not_told_are_kept_and_others_are_not(rewritten: Path) -> None:
    load(rewritten)
    assert position.logs(rewritten) == [1, 2, 3]
    assert names(told(rewritten, START)) == [*TOLD, ("cancelled", "cem")]
    position.write(rewritten, Position("t", 3, 0))
    load(rewritten)
    assert position.logs(rewritten) == [3, 4]


def test_a_log_is_on_the_disk_before_it_is_rewritten(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure would otherwise leave the state of the changes, and take the changes that are to be told."""
    there: list[list[int]] = []
    monkeypatch.setattr(folder, "_SMALL", -100)
    monkeypatch.setattr(folder, "sync", lambda _file: there.append(position.logs(data)))
    load(data)
    assert there == [[1], [1]]


def test_lines_without_a_time_tell_nothing_and_count_for_what_follows(tmp_path: Path) -> None:
    path, _state = load(tmp_path)
    old = put("ann", "waitlisted")
    del old["at"]
    append(path, CREATE, old, put("ann"))
    assert names(told(tmp_path, START)) == [("promoted", "ann")]


def test_tables_and_regions_of_others_tell_nothing_and_a_deleted_table_forgets(tmp_path: Path) -> None:
    path, _state = load(tmp_path)
    elsewhere = put("ann", scope=["000000000000", "eu-west-1"])
    dropped = {"scope": SCOPE, "call": ["DeleteTable", {"TableName": "Registrations"}], "at": 1}
    append(path, elsewhere, put("ann", table="Other"), put("ann"), dropped, put("ann"))
    assert names(told(tmp_path, START)) == [("confirmed", "ann")] * 2


def test_damage_is_reported_with_its_place(data: Path) -> None:
    path = data / "items-000001.log"
    path.write_bytes(path.read_bytes().replace(b"USER#ben", b"USER#bet", 1))
    with pytest.raises(LogError, match=r"items-000001\.log is damaged at byte \d+"):
        told(data, START)


def test_the_first_position_is_the_end_and_a_later_start_keeps_it(data: Path) -> None:
    set_first(data, pytest.fail)
    first = position.read(data)
    assert first is not None
    assert told(data, first) == []
    append(data / "items-000001.log", delete("ann"))
    set_first(data, pytest.fail)
    assert position.read(data) == first
    assert names(told(data, first)) == [("cancelled", "ann")]


@pytest.mark.parametrize("lost", ["missing", "shorter", "other", "damaged"])
def test_a_position_that_fits_no_log_is_replaced_by_the_end_with_a_new_token_and_said(data: Path, lost: str) -> None:
    size = (data / "items-000001.log").stat().st_size
    before = Position("t", 2 if lost == "missing" else 1, size + 1 if lost == "shorter" else size - 1)
    position.write(data, before)
    if lost == "damaged":
        (data / position.FOLDER / "position.json").write_text("{")
    said: list[str] = []
    set_first(data, said.append)
    assert said == ["the log that was told last is not there any more: what changed before this start is not told"]
    after = position.read(data)
    assert after is not None
    assert after == Position(after.token, 1, size)
    assert after.token != "t"


def test_a_position_is_replaced_at_once_and_only_its_owner_may_read_it(data: Path) -> None:
    position.write(data, START)
    kept = data / position.FOLDER / "position.json"
    assert position.read(data) == START
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list(kept.parent.iterdir()) == [kept]
