"""An export has each event as of one moment, and says what is missing."""

import io
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from storage import event_deletion, events, registrations, users
from storage.audit import reads
from storage.dynamodb.tables import Tables
from storage.items import details_key, registration_key, seats_key
from storage.transfer import export as module
from storage.transfer.export import LOOKS, export
from tests.apparatus.corruptions import alter
from tests.apparatus.hooks import hooked
from tests.apparatus.registered import crowd, make_event, raise_and_crash, register, state
from tests.apparatus.rival import in_turn
from tests.apparatus.transfers import content, documents, emptied, exported, imported


def with_gaps(tables: Tables) -> tuple[list[dict[str, Any]], list[str]]:
    out, gaps = io.BytesIO(), list[str]()
    export(tables, out, gaps.append, lambda _counts: None)
    return documents(out.getvalue()), gaps


def people(lines: list[dict[str, Any]], status: str) -> str:
    return "".join(line["userId"] for line in lines if line["type"] == "registration" and line["status"] == status)


def meanwhile(tables: Tables, act: Callable[[], object], times: int = 1) -> Any:
    """Act during the first looks at an event: behind the read of its queue."""
    left = iter(range(times))
    acting = False

    def after(parsed: dict[str, Any], **_context: Any) -> None:
        nonlocal acting
        if not acting and any(str(item.get("sk", {}).get("S")).startswith("WAIT#") for item in parsed.get("Items", [])):
            acting = True
            if next(left, None) is not None:
                act()
            acting = False

    return hooked(tables, "after-call.dynamodb.Query", after)


def test_an_event_that_changes_is_read_again(moto_tables: Tables) -> None:
    make_event(moto_tables)
    register(moto_tables, *"abdc")
    with meanwhile(moto_tables, lambda: registrations.unregister(moto_tables, "e", "a"), times=1):
        lines, gaps = with_gaps(moto_tables)
    assert (people(lines, "confirmed"), people(lines, "waitlisted"), gaps) == ("bd", "c", [])
    assert Counter(line["type"] for line in lines)["event"] == 1


def test_an_event_that_never_stops_changing_is_exported_with_a_gap_and_everybody_who_stays(
    moto_tables: Tables,
) -> None:
    make_event(moto_tables)
    register(moto_tables, *"abcdefgh")
    titles = [partial(events.update, moto_tables, "e", {"title": str(look)}) for look in range(LOOKS - 1)]
    acts = in_turn(*titles, lambda: registrations.unregister(moto_tables, "e", "a"))
    with meanwhile(moto_tables, acts, times=LOOKS):
        lines, gaps = with_gaps(moto_tables)
    assert gaps[-1].startswith(f'the event "e" changed during each of {LOOKS} looks')
    # The queue was read before the promotion, and the seats after it.
    assert (people(lines, "confirmed"), people(lines, "waitlisted")) == ("bc", "cdefgh")
    assert imported(emptied(moto_tables), content(lines))[1] == {}
    assert state(moto_tables) == ("bc", "defgh")


def test_an_event_deleted_meanwhile_is_left_out(moto_tables: Tables) -> None:
    make_event(moto_tables)
    deleted = iter([lambda: event_deletion.delete(moto_tables, "e")])
    with hooked(moto_tables, "before-call.dynamodb.TransactGetItems", lambda **_context: next(deleted, lambda: None)()):
        lines, gaps = with_gaps(moto_tables)
    assert ({line["type"] for line in lines}, gaps) == ({"events-api", "user", "end"}, [])


def test_a_user_who_is_created_and_registers_meanwhile_is_exported_before_the_registration(
    moto_tables: Tables,
) -> None:
    make_event(moto_tables)
    register(moto_tables, *"abc")

    def come() -> None:
        users.create(moto_tables, "z", "Z")
        register(moto_tables, "z")

    with meanwhile(moto_tables, come):
        file = exported(moto_tables)
    assert people(documents(file), "waitlisted") == "cz"
    assert imported(emptied(moto_tables), file)[1] == {}
    assert state(moto_tables) == ("ab", "cz")


def test_people_to_whom_free_seats_are_owed_are_exported_with_a_seat(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables)
    register(moto_tables, *"abdc")
    raise_and_crash(moto_tables, monkeypatch, 3)
    file = exported(moto_tables)
    assert (people(documents(file), "confirmed"), people(documents(file), "waitlisted")) == ("abd", "c")
    assert imported(emptied(moto_tables), file)[1] == {}
    assert state(moto_tables) == ("abd", "c")


@pytest.mark.parametrize(
    ("corrupt", "gap"),
    [
        (
            lambda tables: alter(tables, "Users", {"userId": "a"}, name=None),
            'the user "a" is damaged and left out: lacks name',
        ),
        (
            lambda tables: alter(tables, "Events", details_key("e"), title=None),
            'the event "e" is damaged and left out with its registrations: lacks title',
        ),
        (
            lambda tables: delete(tables, "Events", seats_key("e")),
            'the event "e" is damaged and left out with its registrations: lacks its counters',
        ),
        (
            lambda tables: delete(tables, "Events", details_key("e")),
            'the event "e" is damaged and left out with its registrations: lacks eventId',
        ),
        (
            lambda tables: alter(tables, "Events", seats_key("e"), confirmed=None),
            'the event "e" is damaged and left out with its registrations: lacks its counters',
        ),
        (
            lambda tables: alter(tables, "Registrations", registration_key("e", "a"), registeredAt=None),
            'the event "e" has a damaged registration, which is left out: "USER#a": registeredAt is missing',
        ),
        (
            lambda tables: delete(tables, "Registrations", registration_key("e", "a")),
            'the event "e" is damaged: 2 confirmed and 2 waiting are counted, and 1 and 2 are found',
        ),
    ],
)
def test_damage_is_reported_and_all_else_is_exported(
    moto_tables: Tables, corrupt: Callable[[Tables], object], gap: str
) -> None:
    make_event(moto_tables)
    register(moto_tables, *"abdc")
    whole = exported(moto_tables)
    corrupt(moto_tables)
    lines, gaps = with_gaps(moto_tables)
    assert any(found.startswith(gap) for found in gaps), gaps
    assert len(lines) in range(len(documents(whole)) - 5, len(documents(whole)))
    assert lines[-1] == {
        "type": "end",
        **{f"{kind}s": sum(line["type"] == kind for line in lines) for kind in ("user", "event", "registration")},
    }


def delete(tables: Tables, table: str, key: dict[str, str]) -> None:
    tables.client.delete_item(TableName=tables.names[table], Key={name: {"S": value} for name, value in key.items()})


def test_a_queue_of_many_pages_keeps_its_order_in_a_temporary_file(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 1_000)
    monkeypatch.setattr(reads, "PAGE_ITEMS", 7)
    crowd(moto_tables, 40)
    waiting = [line["userId"] for line in documents(exported(moto_tables)) if line.get("status") == "waitlisted"]
    assert waiting == [f"u{number:04d}" for number in range(1, 41)]
