"""Registrations: register, unregister and get; `storage.registration_lists` has the lists."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from storage import event_items, ownership, places, queue
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, EventNotFound, PromotionInProgress, RegistrationNotFound, Unavailable
from storage.items import registration_key, seats_key, to_seats
from storage.model import Registration, now
from storage.queue import IS_OPEN, OPEN_VALUES
from storage.queue_check import QueueCheck
from storage.registration_steps import (
    admission_steps,
    already_registered,
    event_missing,
    removal_steps,
    repeated,
    with_position,
)
from storage.rules import Admission, Seats, admit, promotable
from storage.user_steps import settling


def register(
    tables: Tables, event_id: str, user_id: str, owner: str | None = None, key: str | None = None
) -> Registration:
    """Give the user a seat, or a place in the waitlist; `owner` is the owner that the event must have, None for any.

    If a request with this key has done it, return that registration as it is now.

    Raises:
        EventNotFound: No event has this id.
        NotOwner: The event belongs to another owner.
        UserNotFound: No user has this id.
        AlreadyRegistered: The user already has a seat or waits.
        EventClosed: The event takes no registrations.
        EventFull: All seats are taken, and the waitlist is off.
        PromotionInProgress: The waitlist is off, and the free seats are still being given to people who wait.
        Contention: Other writers kept changing the event, or the store stayed busy. The user may have been registered;
            repeating the request shows it.

    """
    assisted = False
    used: Item | None = None

    def attempt(image: Item | None) -> tuple[Registration, Seats | None]:
        nonlocal assisted, used
        if image is None:
            return _take_seat(tables, event_id, user_id, owner, key), None
        # An attempt that brought no new snapshot met another change, or a busy store: the old snapshot is outdated.
        seats = to_seats(image) if image is not used else queue.seats(tables, event_id)
        used = image
        ownership.check(seats.owner, owner)
        admission = admit(seats)
        if admission is Admission.AFTER_PROMOTION and not assisted:
            assisted = True
            seats = queue.promote_waiting(tables, event_id, seats, queue.ASSISTED_BATCHES, assisting=True)
            ownership.check(seats.owner, owner)
            admission = admit(seats)
        if admission is Admission.AFTER_PROMOTION:
            raise PromotionInProgress
        if admission is Admission.SEAT:
            return _take_seat(tables, event_id, user_id, owner, key), None
        joined = _join_queue(tables, event_id, user_id, owner, key, seats)
        return joined, replace(seats, waitlisted=seats.waitlisted + 1)

    settled = settling(tables, attempt)
    try:
        registration, seats = tables.retry(event_items.checking_absence(tables, event_id, settled))
    except AlreadyRegistered as refusal:
        if found := repeated(refusal, key):
            return found
        raise
    return _assisting(tables, registration, seats) if seats and promotable(seats) else registration


def _assisting(tables: Tables, registration: Registration, seats: Seats) -> Registration:
    """Continue a promotion that a newcomer to the queue found unfinished, and return the newcomer's standing then.

    A failure here is not the newcomer's: the place in the queue is taken.
    """
    queue.assist(tables, registration.event_id, seats)
    with suppress(Unavailable):
        item = tables.get("Registrations", registration_key(registration.event_id, registration.user_id))
        # A user who was unregistered meanwhile was still admitted to this place.
        return with_position(tables, item) if item else registration
    return registration


def _take_seat(tables: Tables, event_id: str, user_id: str, owner: str | None, key: str | None) -> Registration:
    """Confirm the user in one transaction, whose first condition makes overselling impossible."""
    registration = Registration(
        event_id=event_id, user_id=user_id, status="confirmed", registered_at=now(), request=key
    )
    seat = Step(
        action="Update",
        table="Events",
        key=seats_key(event_id),
        change="ADD #confirmed :one, #changes :one",
        condition=f"{IS_OPEN} AND #waitlisted = :zero AND #confirmed < #capacity",
        values={**OPEN_VALUES, "zero": 0, "one": 1},
        refusal=event_missing,
    )
    admission = admission_steps(registration, partial(already_registered, tables))
    tables.transact([ownership.demanding(seat, owner), *admission])
    return registration


def _join_queue(  # noqa: PLR0913 - a registration, whose event it must be, its key and what it relies on
    tables: Tables, event_id: str, user_id: str, owner: str | None, key: str | None, seats: Seats
) -> Registration:
    """Put the user at the end of the queue, with the next number in the snapshot."""
    registration = Registration(
        event_id=event_id,
        user_id=user_id,
        status="waitlisted",
        registered_at=now(),
        position=seats.waitlisted + 1,
        request=key,
    )
    place = Step(
        action="Update",
        table="Events",
        key=seats_key(event_id),
        change="ADD #waitlisted :one, #nextSeq :one, #changes :one",
        condition=(
            f"{IS_OPEN} AND #hasWaitlist = :true AND #nextSeq = :seq AND #waitlisted = :waitlisted"
            " AND #confirmed = :confirmed AND #capacity = :capacity"
        ),
        values={
            **OPEN_VALUES,
            "true": True,
            "seq": seats.next_seq,
            "waitlisted": seats.waitlisted,
            "confirmed": seats.confirmed,
            "capacity": seats.capacity,
            "one": 1,
        },
        refusal=event_missing,
    )
    waiting = places.place_step(registration, seats.next_seq)
    already = partial(already_registered, tables)
    steps = [ownership.demanding(place, owner), *admission_steps(registration, already, seats.next_seq), waiting]
    # If nobody waits, every earlier place was removed, and therefore visible before.
    tables.transact([*steps, places.ahead_step(event_id, seats.next_seq)] if seats.waitlisted else steps)
    return registration


def unregister(
    tables: Tables, event_id: str, user_id: str, owner: str | None = None, *, also: Sequence[Step] = ()
) -> None:
    """Remove the user's registration; on an open event, promote the head of the queue to the seat that becomes free.

    `owner` is the owner that the event must have, None for any; `also` are steps of its transaction for another matter.

    Raises:
        NotOwner: The event belongs to another owner, whether or not the user is registered for it.
        RegistrationNotFound: The user is not registered for this event.
        Damaged: The seat can't be passed on to the head of the queue. The user is still registered.
        Contention: Other writers kept changing the event, or the store stayed busy. Repeating the request shows whether
            the user is still registered.

    """
    key = registration_key(event_id, user_id)
    check = QueueCheck(tables, event_id)

    def attempt(image: Item | None) -> bool:
        seats = to_seats(image) if image else None
        registration, heads = tables.each(
            lambda: ownership.reading(tables, event_id, owner, partial(tables.get, "Registrations", key)),
            lambda: queue.heads(tables, event_id, 1),
        )
        if registration is None:
            raise RegistrationNotFound
        head = heads[0] if heads and (seats is None or seats.open) else None
        if registration["status"] == "confirmed" and (head or (seats and seats.open and seats.waitlisted)):
            check([head] if head else [], image)
            if head and head["userId"] == user_id:
                # The user was promoted between the two reads: the head of the queue is another user now.
                raise Changed
        unfinished = seats is not None and promotable(seats) > 0
        counted, *steps = _departure_steps(event_id, user_id, registration, head, unfinished=unfinished)
        seat = ownership.demanding(counted, owner)
        try:
            tables.transact([seat, *steps, *places.leaving_steps(tables, event_id, [registration]), *also])
        except EventNotFound:
            event_items.check_registrations(tables, event_id, [user_id])
        return unfinished

    if tables.retry(attempt):
        queue.assist(tables, event_id)


def _departure_steps(
    event_id: str, user_id: str, registration: Item, head: Item | None, *, unfinished: bool
) -> list[Step]:
    """Return the steps for leaving the queue, for passing a seat on to `head`, or for freeing a seat.

    The condition that no seat is free protects nobody: it detects a promotion that is unfinished. Once a snapshot shows
    that, the person leaves all the same, and the head gets the seat as before, however many more are free.
    """
    # Without SEATS, NOT alone would be true, and the update would create the item.
    closed = f"(attribute_exists(#status) AND NOT {IS_OPEN})"
    if registration["status"] == "waitlisted":
        change = "ADD #waitlisted :less, #changes :one"
        condition = None if unfinished else f"(#confirmed >= #capacity OR {closed})"
        values: dict[str, str | int | bool] = {"less": -1, "one": 1}
    elif head is not None:
        change = "ADD #waitlisted :less, #changes :one"
        condition = IS_OPEN if unfinished else f"#confirmed >= #capacity AND {IS_OPEN}"
        values = {"less": -1, "one": 1}
    else:
        change, condition = "ADD #confirmed :less, #changes :one", f"(#waitlisted = :zero OR {closed})"
        values = {"less": -1, "one": 1, "zero": 0}
    seats = Step(
        action="Update",
        table="Events",
        key=seats_key(event_id),
        change=change,
        condition=condition,
        values={**OPEN_VALUES, **values} if condition else values,
        refusal=event_missing,
    )
    leave = [seats, *removal_steps(event_id, user_id, registration)]
    if registration["status"] == "confirmed" and head is not None:
        leave += places.promotion_steps(event_id, head)
    return leave


def get(tables: Tables, event_id: str, user_id: str, owner: str | None = None) -> Registration:
    """Return a registration, with its position if it waits; `owner` is the owner that the event must have.

    Raises:
        NotOwner: The event belongs to another owner, whether or not the user is registered for it.
        RegistrationNotFound: The user is not registered for this event.

    """

    def read() -> Registration | None:
        item = tables.get("Registrations", registration_key(event_id, user_id))
        return with_position(tables, item) if item else None

    registration = ownership.reading(tables, event_id, owner, read)
    if registration is None:
        raise RegistrationNotFound
    return registration
