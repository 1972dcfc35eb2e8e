"""The writes of an import: each is one transaction, on the condition that everything it was decided by is unchanged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from storage import places
from storage.audit.counts import COPIES
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import Refusal
from storage.items import (
    details_item,
    details_key,
    pointer_key,
    registration_item,
    registration_key,
    seats_item,
    seats_key,
    seats_of,
    to_seats,
    user_item,
    user_key,
)
from storage.model import Event, Registration, RegistrationStatus, User
from storage.rules import Seats
from storage.transfer.admission import Admitted, Snapshot, Verdict, admit
from storage.user_steps import entering_step, full_user, settling

#: Maximum number of users, and of registrations of one event with the same status, that one transaction writes. Of its
#: 100 steps, one is SEATS, three are for each registration, and a fourth for each place in the queue; one more checks
#: the place ahead.
USERS: Final = 100
REGISTRATIONS: Final[dict[RegistrationStatus, int]] = {"confirmed": 33, "waitlisted": 24}


_TAKEN: Final = "the id is taken, with other values; nothing is overwritten"


def write_users(tables: Tables, users: Sequence[User]) -> list[Verdict]:
    """Write the users whose ids are free, and return the verdict for each."""

    def attempt(_image: Item | None) -> list[Verdict]:
        items = tables.get_all(("Users", user_key(user.user_id)) for user in users)["Users"]
        taken = {item["userId"]: item for item in items}
        steps = [_new("Users", user_item(user), "userId") for user in users if user.user_id not in taken]
        if steps:
            tables.transact(steps)
        return [_verdict(user_item(user), _lasting(taken.get(user.user_id))) for user in users]

    return tables.retry(attempt)


def _lasting(user: Item | None) -> Item | None:
    """Return a user's item without the events that it names, which belong to the store."""
    return None if user is None else {name: value for name, value in user.items() if name != "recent"}


def write_event(tables: Tables, event: Event) -> Verdict:
    """Write an event without registrations if its id is free, and return the verdict."""
    details, counters = details_item(event), seats_item(event.event_id, seats_of(event))

    def attempt(_image: Item | None) -> Verdict:
        keys = [("Events", details_key(event.event_id)), ("Events", seats_key(event.event_id))]
        found = tables.snapshot(keys)
        if found == [None, None]:
            tables.transact([_new("Events", details, "eventId"), _new("Events", counters, "eventId")])
            return Admitted.WRITTEN
        if found[1] is None or any(
            type(found[1].get(name)) is not type(it) for name, it in counters.items() if name != "owner"
        ):
            return "the id is taken, by an event that is damaged; see `python -m storage audit`"
        copies = {name: found[1][name] for name in (*COPIES, "owner") if name in found[1]}
        return _verdict({**details, **copies}, found[0]) if copies.items() <= details.items() else _TAKEN

    return tables.retry(attempt)


def write_registrations(
    tables: Tables, registrations: Sequence[Registration], *, refused: bool, alone: bool
) -> list[Verdict]:
    """Write those registrations of one event, with the same status and different users, that the rules allow.

    Return the verdict for each; `refused` is as for `admit`, and `alone` is whether nobody else writes meanwhile.

    The places of one transaction become visible one by one, in any order. So beside others each place is a transaction
    of its own: otherwise they could promote the second person, whose place they see, over the first.
    """
    together = alone or registrations[0].status == "confirmed"

    def attempt(_image: Item | None) -> list[Verdict] | None:
        seen = _read(tables, registrations)
        if seen is None:
            return ["the event does not exist any more"] * len(registrations)
        verdicts, after = admit(registrations, seen, refused=refused)
        writes = [it for it, verdict in zip(registrations, verdicts, strict=True) if verdict is Admitted.WRITTEN]
        if len(writes) > 1 and not together:
            return None
        if writes:
            tables.transact(_steps(writes, seen, after, alone=alone))
        return verdicts

    verdicts = tables.retry(settling(tables, attempt))
    if verdicts is not None:
        return verdicts
    each: list[Verdict] = []
    for registration in registrations:
        behind = refused or any(isinstance(verdict, str) for verdict in each)
        each += write_registrations(tables, [registration], refused=behind, alone=alone)
    return each


def _read(tables: Tables, registrations: Sequence[Registration]) -> Snapshot | None:
    event_id = registrations[0].event_id
    keys = [("Events", seats_key(event_id))]
    for registration in registrations:
        keys.append(("Registrations", registration_key(event_id, registration.user_id)))
        keys.append(("Users", user_key(registration.user_id)))
    found = tables.get_all(keys)
    if not found["Events"]:
        return None
    registered = {item["sk"].removeprefix("USER#"): item for item in found["Registrations"]}
    return Snapshot(to_seats(found["Events"][0]), registered, {item["userId"]: item for item in found["Users"]})


def _steps(registrations: Sequence[Registration], seen: Snapshot, after: Seats, *, alone: bool) -> list[Step]:
    """Return the transaction for new registrations with the same status, which lead from one state to another."""
    event_id, waits, before = registrations[0].event_id, registrations[0].status == "waitlisted", seen.seats
    steps = [_counting(event_id, before, after, len(registrations))]
    for place, registration in enumerate(registrations, before.next_seq):
        user_id = registration.user_id
        steps += [
            _existing(user_id) if alone else _entering(event_id, seen.users[user_id]),
            _new("Registrations", registration_item(registration, place if waits else None), "pk"),
            Step(action="Put", table="Registrations", item=pointer_key(user_id, event_id)),
        ]
        if waits:
            steps.append(places.place_step(registration, place))
    if waits and before.waitlisted:
        steps.append(places.ahead_step(event_id, before.next_seq))
    return steps


def _existing(user_id: str) -> Step:
    return Step(action="ConditionCheck", table="Users", key=user_key(user_id), condition="attribute_exists(#userId)")


def _entering(event_id: str, user: Item) -> Step:
    """Return the step for a user as read, also for one who is leaving: who deletes the user will find the event."""
    step = entering_step(user["userId"], event_id, user.get("leaving"))

    def refusal(image: Item | None) -> Refusal | None:
        found = step.refusal(image)
        return found if full_user(found) else None

    return replace(step, refusal=refusal)


def _counting(event_id: str, before: Seats, after: Seats, changes: int) -> Step:
    """Return the step that counts new registrations if the counters, and what decided, are unchanged."""
    return Step(
        action="Update",
        table="Events",
        key=seats_key(event_id),
        change=(
            "SET #confirmed = :confirmedAfter, #waitlisted = :waitlistedAfter, #nextSeq = :nextSeqAfter"
            " ADD #changes :changes"
        ),
        condition=(
            "#version = :version AND #confirmed = :confirmed AND #waitlisted = :waitlisted AND #nextSeq = :nextSeq"
        ),
        values={
            # Capacity and status change only with the version.
            "version": before.version,
            "confirmed": before.confirmed,
            "waitlisted": before.waitlisted,
            "nextSeq": before.next_seq,
            "confirmedAfter": after.confirmed,
            "waitlistedAfter": after.waitlisted,
            "nextSeqAfter": after.next_seq,
            "changes": changes,
        },
    )


def _new(table: str, item: Item, key: str) -> Step:
    return Step(action="Put", table=table, item=item, condition=f"attribute_not_exists(#{key})")


def _verdict(item: Item, present: Item | None) -> Verdict:
    if present is None:
        return Admitted.WRITTEN
    # The file does not have it.
    kept = {name: value for name, value in present.items() if name != "request"}
    return Admitted.PRESENT if kept == item else _TAKEN
