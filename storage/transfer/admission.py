"""Decides which registrations of an export are written, as a pure function over a snapshot of their event.

The rules of the queue hold as if people had come in the order of the file: seats first, then the queue in its order.
A registration that the rules do not allow is refused; nobody is promoted or demoted in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from storage.dynamodb.attributes import Item
from storage.model import Registration
from storage.rules import Seats
from storage.transfer.form import quoted


class Admitted(Enum):
    """The outcome of a registration that is not refused."""

    WRITTEN = auto()
    PRESENT = auto()


#: The outcome, or the reason of a refusal.
Verdict = Admitted | str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a decision relies on: the counters of the event, its registrations by user, and the users that exist."""

    seats: Seats
    registered: Mapping[str, Item]
    users: Mapping[str, Item]


def admit(
    registrations: Sequence[Registration], snapshot: Snapshot, *, refused: bool = False
) -> tuple[list[Verdict], Seats]:
    """Return the verdict for each of several registrations, in order, and the counters after those are written.

    `refused` is whether an earlier line of this event was refused: behind it nobody joins the queue, because the person
    in that line may belong ahead.
    """
    seats, verdicts = snapshot.seats, list[Verdict]()
    for registration in registrations:
        verdict = _judge(registration, snapshot, seats)
        if verdict is Admitted.WRITTEN and registration.status == "waitlisted" and refused:
            verdict = "an earlier line of this event was refused: correct or remove it, or the queue loses its order"
        if verdict is Admitted.WRITTEN:
            seats = _seated(seats) if registration.status == "confirmed" else _queued(seats)
        refused = refused or isinstance(verdict, str)
        verdicts.append(verdict)
    return verdicts, seats


def _judge(registration: Registration, snapshot: Snapshot, seats: Seats) -> Verdict:
    if (present := snapshot.registered.get(registration.user_id)) is not None:
        return Admitted.PRESENT if _same(registration, present) else "the user is registered already, in another way"
    if registration.user_id not in snapshot.users:
        return f"the user {quoted(registration.user_id)} does not exist"
    if registration.status == "confirmed":
        if seats.waitlisted:
            return "people wait already; those with a seat stand before the queue"
        return Admitted.WRITTEN if seats.free else f"no seat is free; the capacity is {seats.capacity}"
    if seats.open and seats.free:
        return "a seat is free, and on an open event nobody waits beside one"
    return Admitted.WRITTEN


def _same(registration: Registration, present: Item) -> bool:
    """Return whether a registration is the present one, from which the person may have been promoted since."""
    promoted = registration.status == "waitlisted" and present.get("status") == "confirmed"
    return registration.registered_at == present.get("registeredAt") and (
        registration.status == present.get("status") or promoted
    )


def _seated(seats: Seats) -> Seats:
    return replace(seats, confirmed=seats.confirmed + 1)


def _queued(seats: Seats) -> Seats:
    return replace(seats, waitlisted=seats.waitlisted + 1, next_seq=seats.next_seq + 1)
