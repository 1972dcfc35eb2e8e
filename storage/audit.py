"""Checks rule 10 over whole tables: the counts are those of the items, nobody is oversold, skipped or forgotten."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from storage import rules
from storage.attributes import Item
from storage.items import (
    LEFT_PREFIX,
    QUEUE_PREFIX,
    SEATS,
    USER_PREFIX,
    left_key,
    pointer_key,
    queue_key,
    queue_number,
    registration_key,
    seats_key,
    to_seats,
)
from storage.rules import Seats
from storage.tables import Tables


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that rule 10 forbids, and the key of the item where it shows."""

    table: str
    key: tuple[str, ...]
    finding: str


def audit(tables: Tables) -> Iterator[Violation]:
    """Yield every violation in the tables at rest; while others write, a finding may be one of the moment."""
    for item in tables.scan("Events", "#part = :part", {"part": SEATS}):
        yield from _audit_event(tables, item["eventId"], item)
    for pointer in tables.scan("Registrations", "begins_with(#pk, :prefix)", {"prefix": "USER#"}):
        event_id, user_id = pointer["sk"].removeprefix("EVENT#"), pointer["pk"].removeprefix("USER#")
        if tables.get("Registrations", registration_key(event_id, user_id)) is None:
            yield Violation("Registrations", (pointer["pk"], pointer["sk"]), "a pointer without its registration")
    for item in tables.scan("Registrations", "begins_with(#pk, :prefix)", {"prefix": "EVENT#"}):
        if tables.get("Events", seats_key(item["pk"].removeprefix("EVENT#"))) is None:
            yield Violation("Registrations", (item["pk"], item["sk"]), "belongs to an event that does not exist")


def _audit_event(tables: Tables, event_id: str, item: Item) -> Iterator[Violation]:
    partition = registration_key(event_id, "")["pk"]
    items = tables.query("Registrations", "#pk = :pk", {"pk": partition})
    queue = {queue_number(found): found["userId"] for found in items if found["sk"].startswith(QUEUE_PREFIX)}
    registered = {
        found["sk"].removeprefix(USER_PREFIX): found for found in items if found["sk"].startswith(USER_PREFIX)
    }
    waitlisted = {found["seq"]: user for user, found in registered.items() if found["status"] == "waitlisted"}
    left = {seq for found in items if found["sk"].startswith(LEFT_PREFIX) for seq in found["numbers"]}
    yield from _audit_counts(event_id, to_seats(item), len(registered) - len(waitlisted), waitlisted)
    yield from _audit_numbers(event_id, item["nextSeq"], queue.keys(), left)
    for user_id in registered:
        if tables.get("Registrations", pointer_key(user_id, event_id)) is None:
            yield Violation("Registrations", (partition, f"{USER_PREFIX}{user_id}"), "a registration without pointer")
    for seq in sorted(queue.keys() | waitlisted.keys()):
        if queue.get(seq) != waitlisted.get(seq):
            key = (partition, queue_key(event_id, seq)["sk"])
            yield Violation("Registrations", key, "the queue and the registrations do not agree on this place")


def _audit_counts(event_id: str, seats: Seats, confirmed: int, waitlisted: Mapping[int, str]) -> Iterator[Violation]:
    findings = {
        f"counts {seats.confirmed} confirmed, the items are {confirmed}": seats.confirmed != confirmed,
        f"counts {seats.waitlisted} waitlisted, the items are {len(waitlisted)}": seats.waitlisted != len(waitlisted),
        f"{confirmed} people are confirmed for {seats.capacity} seats": confirmed > seats.capacity,
        f"{rules.promotable(seats)} people wait beside a free seat": rules.promotable(seats) > 0,
        f"nextSeq is {seats.next_seq}, but that place is taken": max(waitlisted, default=-1) >= seats.next_seq,
    }
    yield from (Violation("Events", (event_id, SEATS), finding) for finding, found in findings.items() if found)


def _audit_numbers(event_id: str, next_seq: int, queue: Collection[int], left: Collection[int]) -> Iterator[Violation]:
    """Yield what makes places wrong: each number from the head's on either waits or was left, and no other was."""
    partition, missing = registration_key(event_id, "")["pk"], "numbers from this on neither wait nor were left"
    following = head = min(queue, default=next_seq)
    for seq in sorted({seq for seq in (*queue, *left) if head <= seq < next_seq} | {next_seq}):
        if seq > following:
            key = (partition, queue_key(event_id, following)["sk"])
            yield Violation("Registrations", key, f"{seq - following} {missing}")
        following = seq + 1
    for seq in sorted(left):
        key = (partition, left_key(event_id, seq)["sk"])
        if seq in queue:
            yield Violation("Registrations", key, f"number {seq} was left, but waits")
        if seq >= next_seq:
            yield Violation("Registrations", key, f"number {seq} was left, but never given")
