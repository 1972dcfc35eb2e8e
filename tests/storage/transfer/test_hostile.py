"""Files that were changed in any way: whatever is imported of them leaves a clean audit."""

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.audit import audit
from storage.dynamodb.tables import Tables
from storage.transfer import batches
from storage.transfer.form import FormError
from tests.apparatus.transfers import confirmed, content, emptied, event, file, imported, waitlisted

LINES: Final = [
    *file(event(), confirmed("a"), confirmed("b"), waitlisted("d"), waitlisted("c"))[:-1],
    event("closed", 3, status="cancelled"),
    confirmed("c", "closed"),
    waitlisted("a", "closed"),
    waitlisted("b", "closed"),
    event("open", 3, hasWaitlist=False),
    confirmed("f", "open"),
    {"type": "end", "users": 6, "events": 3, "registrations": 8},
]

#: Values of other lines, of other types, and beyond the limits.
VALUES: Final = st.sampled_from(
    [
        *sorted({json.dumps(value) for line in LINES for value in line.values()}),
        '"\\ud800"',
        "-1",
        "1e400",
        "null",
        "{}",
    ]
)

NAMES: Final = st.sampled_from([*sorted({name for line in LINES for name in line}), "seq", "confirmed", "pk", ""])

LINE: Final = st.integers(0, len(LINES) - 1)

EDIT: Final = st.one_of(
    st.tuples(st.just("set"), LINE, NAMES, VALUES),
    st.tuples(st.just("drop"), LINE, NAMES),
    st.tuples(st.just("delete"), LINE),
    st.tuples(st.just("move"), LINE, LINE),
    st.tuples(st.just("copy"), LINE, LINE),
    st.tuples(st.just("cut"), LINE, st.integers(0, 60)),
    st.tuples(st.just("bytes"), LINE, st.integers(0, 60), st.binary(max_size=4)),
)


def changed(edits: list[tuple[Any, ...]]) -> bytes:
    """Return the file after some edits; those of a line that is not there any more change nothing."""
    lines = [json.dumps(line).encode() for line in LINES]
    for kind, number, *more in edits:
        if number >= len(lines):
            continue
        if kind in {"set", "drop"}:
            lines[number] = _edited(lines[number], *more)
        elif kind == "cut":
            lines[number] = lines[number][: more[0]]
        elif kind == "bytes":
            lines[number] = lines[number][: more[0]] + more[1] + lines[number][more[0] + len(more[1]) :]
        else:
            line = lines[number] if kind == "copy" else lines.pop(number)
            if kind != "delete":
                lines.insert(more[0], line)
    return b"\n".join(lines)


def _edited(line: bytes, name: str, value: str | None = None) -> bytes:
    try:
        document = json.loads(line)
    except ValueError:
        return line
    document.pop(name, None)
    text = json.dumps(document)
    return text.encode() if value is None else f"{text[:-1]}, {json.dumps(name)}: {value}}}".encode()


@pytest.fixture
def empty(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(batches, "REGISTRATIONS", {"confirmed": 2, "waitlisted": 2})
    return moto_tables


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EDIT, min_size=1, max_size=4))
def test_no_change_of_a_file_breaks_the_invariant(empty: Tables, edits: list[tuple[Any, ...]]) -> None:
    tables = emptied(empty)
    try:
        loaded, refusals = imported(tables, changed(edits))
    except FormError:
        return
    assert list(audit(tables)) == []
    assert loaded.refused == len(refusals)
    assert all(reason.isascii() and reason.isprintable() for reason in refusals.values())
    # The file as it was, on top of that: what was refused, or came otherwise, breaks nothing either.
    imported(tables, content(LINES))
    assert list(audit(tables)) == []


def test_the_file_before_the_changes_is_imported_whole(empty: Tables) -> None:
    assert imported(empty, content(LINES))[1] == {}
