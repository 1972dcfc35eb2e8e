"""A log: what is read is what was written; an unfinished end is dropped, and damage is refused."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.durable.log import FORMAT, Document, Log, LogError, line, read

WRITES: list[Document] = [{"put": [["Users", {"userId": {"S": name}}]]} for name in ("ada", "grace", "zoë")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "items.log"
    path.write_bytes(line({"format": FORMAT}) + b"".join(map(line, WRITES)))
    return path


@pytest.fixture
def appended(path: Path) -> Callable[..., list[str]]:
    """Return a function that appends documents to the log, and returns the failures."""

    def append(*documents: Document) -> list[str]:
        failures: list[str] = []
        opened = Log(path, failures.append)
        for document in documents:
            opened.append(document)
        opened.close()
        return failures

    return append


def test_what_is_appended_is_read(path: Path, appended: Callable[..., list[str]]) -> None:
    more = {"delete": [["Users", {"userId": {"S": "ada"}}]]}
    assert appended(more) == []
    assert list(read(path)) == [*WRITES, more]


def test_a_write_that_was_cut_at_any_byte_is_left_out_and_overwritten(
    path: Path, appended: Callable[..., list[str]]
) -> None:
    whole = path.read_bytes()
    last = len(line(WRITES[-1]))
    for cut in range(1, last + 1):
        path.write_bytes(whole[:-cut])
        assert list(read(path)) == WRITES[:-1]
        assert appended(WRITES[0]) == []
        assert list(read(path)) == [*WRITES[:-1], WRITES[0]]


def test_any_changed_byte_before_the_last_write_stops_the_reading_and_says_where(path: Path) -> None:
    whole = path.read_bytes()
    header, first = len(line({"format": FORMAT})), len(line(WRITES[0]))
    for at in range(header, header + first):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LogError, match=rf"line 2, at byte {header}.*truncate -s {header} {path}"):
            list(read(path))


def test_a_changed_byte_in_the_last_write_stops_the_reading_as_its_line_was_finished(path: Path) -> None:
    whole = path.read_bytes()
    start = len(whole) - len(line(WRITES[-1]))
    for at in range(start, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LogError, match=rf"line 4, at byte {start}.*truncate -s {start} {path}"):
            list(read(path))


def test_a_damaged_header_is_named_with_what_it_has_to_be(path: Path) -> None:
    whole = path.read_bytes()
    for damaged in (whole[1:], whole[whole.index(b"\n") + 1 :]):
        path.write_bytes(damaged)
        with pytest.raises(LogError) as error:
            list(read(path))
        assert str(error.value).endswith(line({"format": FORMAT}).decode().rstrip())
        assert "truncate" not in str(error.value)


def test_an_unfinished_write_is_moved_beside_the_log_and_reported(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    reports: list[str] = []
    Log(path, pytest.fail, reports.append).close()
    assert path.with_suffix(".unfinished").read_bytes() == line(WRITES[-1])[:-5]
    assert path.with_suffix(".unfinished").stat().st_mode & 0o777 == 0o600, "it has people's data"
    assert reports == [
        f"A write at the end of {path} was neither finished nor answered; it is in {path.with_suffix('.unfinished')}"
    ]


def test_a_log_that_is_deleted_while_it_is_in_use_is_a_failure(path: Path) -> None:
    failures: list[str] = []
    log = Log(path, failures.append)
    path.unlink()
    log.append(WRITES[0])
    log.close()
    assert f"{path} was deleted while it was in use, and its content is lost" in failures


def test_after_the_advised_cut_the_writes_before_the_damage_are_read(path: Path) -> None:
    whole = path.read_bytes()
    cut = len(line({"format": FORMAT})) + len(line(WRITES[0]))
    path.write_bytes(whole[:cut] + b"x" + whole[cut + 1 :])
    with pytest.raises(LogError, match=f"truncate -s {cut} "):
        list(read(path))
    os.truncate(path, cut)
    assert list(read(path)) == WRITES[:1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty, which a log of this service never is"),
        (b'{"a": 1}\n', "is not a log of this service"),
        (b"\x00" * 5_000, "is not a log of this service"),
        (line({"format": FORMAT + 1}), f"has the format {FORMAT + 1}, and this version reads format {FORMAT}"),
        (line(WRITES[0]), "is not a log of this service, or its first line is damaged"),
    ],
)
def test_another_file_and_a_newer_format_are_refused(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(LogError, match=reason):
        list(read(path))


def test_a_file_that_cannot_be_read_or_written_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=f"can't read {tmp_path}: Is a directory"):
        list(read(tmp_path))
    with pytest.raises(LogError, match=f"can't write to {tmp_path}/none: No such file"):
        Log(tmp_path / "none", print)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_write_that_fails_is_reported(
    appended: Callable[..., list[str]], path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"storage.durable.log.os.{call}", full)
    assert f"can't write to {path}: No space left on device" in appended(WRITES[0])
