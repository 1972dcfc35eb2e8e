"""A repair covers the kinds in `REPAIRS`, leaves all others, and never undoes what others write meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from storage import events, registrations, users
from storage.audit import audit, event
from storage.audit import repair as repairs
from storage.audit.counts import COPIES
from storage.audit.findings import Kind, Violation
from storage.audit.reads import scan
from storage.audit.repair import REPAIRS, Outcome, repair
from storage.audit.repair_transactions import set_count
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.tables import Tables
from storage.errors import Conflicting, NotFound, Refusal
from storage.items import details_key, left_key, queue_key, registration_key, seats_key
from tests.apparatus.corruptions import CORRUPTIONS, MADE, Corruption, alter, drop, fill, put
from tests.apparatus.moto_store import fill_once
from tests.apparatus.rival import in_turn, rival

CASES = pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    fill_once(moto_tables, fill)
    return moto_tables


def left(outcomes: Iterator[Outcome]) -> list[tuple[Kind, Key]]:
    return sorted(((done.violation.kind, done.violation.key) for done in outcomes if not done.repaired), key=str)


def items(tables: Tables) -> list[Item]:
    """Return every item of Events and Registrations, without the attribute `changes` of SEATS."""
    found = [item for table in ("Events", "Registrations") for item in scan(tables, table)]
    return sorted(({name: value for name, value in item.items() if name != "changes"} for item in found), key=str)


def registered(tables: Tables) -> set[str]:
    return {
        item["sk"] for item in scan(tables, "Registrations") if (item["pk"], item["sk"][:5]) == ("EVENT#e", "USER#")
    }


@CASES
def test_a_repair_leaves_only_the_expected_violations_and_every_registration(
    tables: Tables, corruption: Corruption
) -> None:
    corruption.act(tables)
    before = registered(tables)
    assert left(repair(tables)) == sorted(corruption.left, key=str)
    assert sorted(((found.kind, found.key) for found in audit(tables)), key=str) == sorted(corruption.left, key=str)
    assert registered(tables) == before


@pytest.mark.parametrize(
    "name",
    [
        "too few are counted as confirmed",
        "too many are counted as confirmed",
        "too few are counted as waiting",
        "both counts are wrong",
        "the next number in the queue is taken",
        "a pointer is gone",
        "the head of the queue is gone",
        "the tail of the queue is gone",
        "the whole queue is gone",
        "a place is given to a user who waits elsewhere",
        "a confirmed user has a place as well",
    ],
)
def test_a_repair_restores_the_items_as_they_were(tables: Tables, name: str) -> None:
    before = items(tables)
    CORRUPTIONS[name].act(tables)
    assert items(tables) != before
    assert [outcome.repaired for outcome in repair(tables)].count(False) == 0
    assert items(tables) == before


def test_two_counts_found_by_one_audit_are_both_repaired(tables: Tables) -> None:
    """The repair of one count does not change what the repair of the other was judged by."""
    CORRUPTIONS["both counts are wrong"].act(tables)
    set_kind = {Kind.CONFIRMED_COUNT: set_count("confirmed"), Kind.WAITLISTED_COUNT: set_count("waitlisted")}
    for violation in list(audit(tables)):
        set_kind[violation.kind](tables, violation)
    assert list(audit(tables)) == []


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("confirmed", "too many are counted as confirmed"),
        ("waitlisted", "too few are counted as waiting"),
        ("nextSeq", "the next number in the queue skips some"),
    ],
)
@pytest.mark.parametrize("change", [{"changes": 99}, {"version": "another"}], ids=["a registration", "an update"])
def test_a_count_is_set_only_while_the_event_is_as_it_was_counted(
    tables: Tables, attribute: str, name: str, change: Mapping[str, Any]
) -> None:
    before = items(tables)
    CORRUPTIONS[name].act(tables)
    damaged = tables.get("Events", seats_key("e")) or {}
    (violation,) = audit(tables)
    with (
        rival(tables, lambda: alter(tables, "Events", seats_key("e"), **change)),
        pytest.raises(Conflicting),
    ):
        set_count(attribute)(tables, violation)
    assert tables.get("Events", seats_key("e")) == {**damaged, **change}
    put(tables, "Events", damaged)
    set_count(attribute)(tables, violation)
    assert items(tables) == before


def test_a_repair_audits_an_intact_event_twice_and_no_more(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once to find what to repair, and once to report what is left."""
    audited: list[str] = []

    def note(tables: Tables, event_id: str) -> Iterator[Violation]:
        audited.append(event_id)
        return event.audit_event(tables, event_id)

    monkeypatch.setattr(repairs, "audit_event", note)
    assert list(repair(tables)) == []
    assert sorted(audited) == ["e", "e", "other", "other"]


def leave(user_id: str) -> Callable[[Tables], object]:
    return lambda tables: registrations.unregister(tables, "e", user_id)


def join(tables: Tables) -> None:
    users.create(tables, "newcomer", "N")
    registrations.register(tables, "e", "newcomer")


def come_back(user_id: str) -> Callable[[Tables], object]:
    def act(tables: Tables) -> None:
        with suppress(NotFound):
            registrations.unregister(tables, "e", user_id)
        registrations.register(tables, "e", user_id)

    return act


def another_repair(tables: Tables) -> None:
    list(repair(tables))


def take_place_0(tables: Tables) -> None:
    put(tables, "Registrations", {**queue_key("e", 0), "userId": "a", "registeredAt": MADE})


def take_place_2(tables: Tables) -> None:
    put(tables, "Registrations", {**queue_key("e", 2), "userId": "a", "registeredAt": MADE})


def restore_c(tables: Tables) -> None:
    waiting = {"status": "waitlisted", "seq": 0, "registeredAt": MADE}
    put(tables, "Registrations", {**registration_key("e", "c"), **waiting})


RIVALS: dict[str, Callable[[Tables], object]] = {
    "the first leaves a seat": leave("a"),
    "the head leaves the queue": leave("c"),
    "the tail leaves the queue": leave("d"),
    "somebody joins": join,
    "the first comes back": come_back("a"),
    "the head comes back": come_back("c"),
    "another repair": another_repair,
    "the capacity is raised": lambda tables: events.update(tables, "e", {"capacity": 5}),
    "the event is cancelled": lambda tables: events.update(tables, "e", {"status": "cancelled"}),
    "the place is given to another": take_place_0,
    "a lost number waits again": take_place_2,
    "the registration is restored": restore_c,
}

#: The kind that is repaired, the corruption that causes it, and the rival that acts before the repair.
MEANWHILE = [
    (Kind.CONFIRMED_COUNT, "too many are counted as confirmed", "the first leaves a seat"),
    (Kind.WAITLISTED_COUNT, "too many are counted as waiting", "the head leaves the queue"),
    (Kind.NEXT_SEQ_TAKEN, "a number was left that was never given", "the first leaves a seat"),
    (Kind.NEXT_SEQ_SKIPS, "the next number in the queue skips some", "somebody joins"),
    (Kind.REGISTRATION_WITHOUT_POINTER, "a pointer is gone", "the first leaves a seat"),
    (Kind.POINTER_WITHOUT_REGISTRATION, "the registration of a seat is gone", "the first comes back"),
    (Kind.WAITING_WITHOUT_PLACE, "the head of the queue is gone", "the head leaves the queue"),
    (Kind.WAITING_WITHOUT_PLACE, "the head of the queue is gone", "the place is given to another"),
    (Kind.WAITING_WITHOUT_PLACE, "a user waits beyond the next number", "somebody joins"),
    (Kind.PLACE_WITHOUT_WAITING, "the registration of a waiting user is gone", "another repair"),
    (Kind.PLACE_WITHOUT_WAITING, "the registration of a waiting user is gone", "the registration is restored"),
    (Kind.NUMBERS_LOST, "numbers that were left are lost", "a lost number waits again"),
]


@pytest.mark.parametrize(("kind", "name", "rival_name"), MEANWHILE)
def test_a_repair_does_nothing_if_its_items_have_changed_since_they_were_found(
    tables: Tables, kind: Kind, name: str, rival_name: str
) -> None:
    CORRUPTIONS[name].act(tables)
    violation = next(found for found in audit(tables) if found.kind is kind)
    after: list[Item] = []

    def interfere() -> None:
        RIVALS[rival_name](tables)
        after.extend(items(tables))

    with rival(tables, interfere) as other, pytest.raises(Conflicting):
        REPAIRS[kind](tables, violation)
    assert other.acted == 1
    assert items(tables) == after


def test_every_repair_is_tested_with_a_rival() -> None:
    """Except promotion, which is the service's own: the tests of the queue have rivals for it."""
    assert {kind for kind, _name, _rival in MEANWHILE} == REPAIRS.keys() - {Kind.WAITING_BESIDE_FREE_SEAT}


BETWEEN = {
    "too few are counted as confirmed": ["the first leaves a seat", "somebody joins", "the capacity is raised"],
    "too many are counted as waiting": ["the head leaves the queue", "another repair"],
    "a promotion was interrupted": ["the first leaves a seat", "another repair", "the event is cancelled"],
    "the next number in the queue is taken": ["somebody joins", "the tail leaves the queue"],
    "a pointer is gone": ["the first leaves a seat", "the first comes back"],
    "the registration of a seat is gone": ["the first comes back", "another repair"],
    "the registration of a waiting user is gone": ["the head comes back", "another repair"],
    "the head of the queue is gone": ["the head leaves the queue", "the head comes back", "another repair"],
    "a user waits beyond the next number": ["the tail leaves the queue", "somebody joins", "another repair"],
    "numbers that were left are lost": ["the head leaves the queue", "somebody joins"],
}


@pytest.mark.parametrize(("name", "rivals"), BETWEEN.items(), ids=BETWEEN.keys())
def test_a_rival_between_audit_and_repair_loses_nothing(
    tables: Tables, name: str, rivals: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repair leaves no violation, and the registrations are those that existed after the last rival acted.

    The rivals act one after the other, each before the next transaction of the repair.
    """
    CORRUPTIONS[name].act(tables)
    monkeypatch.setattr(tables, "_retry_seconds", 0.05)
    there: list[set[str]] = []

    def interfere(act: Callable[[Tables], object]) -> None:
        # On damaged tables the service may refuse a request, or fail.
        with suppress(Refusal, KeyError, ClientError):
            act(tables)
        there.append(registered(tables))

    acts = [partial(interfere, RIVALS[rival_name]) for rival_name in rivals]
    with rival(tables, in_turn(*acts), times=len(acts)) as other:
        assert left(repair(tables)) == []
    assert other.acted
    assert registered(tables) == there[-1]
    assert list(audit(tables)) == []


def copy_to_details(tables: Tables) -> None:
    seats = tables.get("Events", seats_key("e")) or {}
    alter(tables, "Events", details_key("e"), **{name: seats[name] for name in COPIES})


def put_seats_back(tables: Tables) -> None:
    details = tables.get("Events", details_key("e")) or {}
    copies = {name: details[name] for name in ("capacity", "hasWaitlist", "version")}
    counts = {"confirmed": 0, "waitlisted": 0, "nextSeq": 0}
    put(tables, "Events", {**seats_key("e"), **copies, **counts, "status": "cancelled"})
    list(repair(tables))
    alter(tables, "Events", seats_key("e"), status=details["status"])


def give_d_the_next_number(tables: Tables) -> None:
    seats = tables.get("Events", seats_key("e")) or {}
    alter(tables, "Registrations", registration_key("e", "d"), seq=seats["nextSeq"])


ADVISED: dict[str, Callable[[Tables], object]] = {
    "the capacity differs": copy_to_details,
    "the status differs": copy_to_details,
    "hasWaitlist differs": copy_to_details,
    "the version differs": copy_to_details,
    "SEATS is gone": put_seats_back,
    "SEATS has lost a counter": put_seats_back,
    "SEATS counts a fraction": put_seats_back,
    "SEATS has lost a copied field": put_seats_back,
    "two wait at one place": give_d_the_next_number,
    "the numbers of waiting users were left": lambda tables: drop(tables, "Registrations", left_key("e", 0)),
    "the event of left numbers is gone": lambda tables: drop(tables, "Registrations", left_key("gone", 0)),
}


@pytest.mark.parametrize(("name", "follow"), ADVISED.items(), ids=ADVISED.keys())
def test_the_advice_and_a_repair_restore_the_items_as_they_were(
    tables: Tables, name: str, follow: Callable[[Tables], object]
) -> None:
    before = items(tables)
    CORRUPTIONS[name].act(tables)
    list(repair(tables))
    follow(tables)
    assert left(repair(tables)) == []
    assert list(audit(tables)) == []
    assert items(tables) == before


@pytest.mark.parametrize(
    "details",
    [{}, {"status": "cancelled"}, None],
    ids=["the capacity differs", "the status differs too", "DETAILS are missing"],
)
def test_nobody_is_promoted_while_the_capacity_or_the_status_is_in_doubt(
    tables: Tables, details: dict[str, str] | None
) -> None:
    """A promotion can't be undone: first a person decides which of DETAILS and SEATS is right."""
    alter(tables, "Events", seats_key("e"), capacity=4)
    if details is None:
        drop(tables, "Events", details_key("e"))
    else:
        alter(tables, "Events", details_key("e"), **details)
    before = list(scan(tables, "Registrations"))
    cause = Kind.DETAILS_MISSING if details is None else Kind.COPIES_DIFFER
    assert {kind for kind, _key in left(repair(tables))} == {cause, Kind.WAITING_BESIDE_FREE_SEAT}
    assert list(scan(tables, "Registrations")) == before


def test_the_number_of_a_damaged_registration_is_not_recorded_as_left(tables: Tables) -> None:
    """Restored as advised, the registration would have the number of a person who left."""
    registrations.register(tables, "e", "w")
    registration = registration_key("e", "d")
    number = tables.get("Registrations", registration)["seq"]  # type: ignore[index] # d waits, between two others
    alter(tables, "Registrations", registration, seq="damaged")
    drop(tables, "Registrations", queue_key("e", number))
    assert (Kind.MALFORMED, registration) in left(repair(tables))
    alter(tables, "Registrations", registration, seq=number)
    assert left(repair(tables)) == []
    assert list(audit(tables)) == []
