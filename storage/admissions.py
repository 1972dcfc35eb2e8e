"""Several registrations for one event in one transaction, as if they were made one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from storage import event_items, places, queue
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Misfits, Step, new_token
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, EventNotFound, Refusal, Unavailable, UserNotFound
from storage.items import registration_key, seats_key, to_registration, to_seats, user_key
from storage.model import Registration, now
from storage.queue import IS_OPEN, OPEN_VALUES
from storage.registration_steps import admission_steps, event_missing, repeated
from storage.rules import Admission, Seats, admit, admit_all, after, promotable
from storage.user_steps import full_user, is_gone, settle

#: Maximum number of steps in a transaction.
STEPS: Final = 100

#: Number of steps for each person: the user, the registration, the pointer; and the place.
_STEPS_EACH: Final = {Admission.SEAT: 3, Admission.QUEUE: 4}

#: Maximum number of registrations in a transaction, if all get seats.
MAX_REGISTRATIONS: Final = 33

Answers = dict[str, Registration | Refusal]

NO_KEYS: Final[Mapping[str, str | None]] = {}


def register_all(
    tables: Tables, event_id: str, user_ids: Sequence[str], keys: Mapping[str, str | None] = NO_KEYS
) -> Answers:
    """Give each of up to 33 different users a seat, or a place in the waitlist, in this order.

    `keys` has the key of each user's request, if it has one, as in `registrations.register`. Return the registration or
    the refusal of each. Those missing in the result must be registered alone: nothing was done for them, as a promotion
    is unfinished.
    """
    answers: Answers = {}
    used: Item | None = None

    def attempt(image: Item | None) -> None:
        nonlocal used
        seats = queue.seats(tables, event_id) if image is None or image is used else to_seats(image)
        used = image
        while (left := [user_id for user_id in user_ids if user_id not in answers]) and not promotable(seats):
            admitted = _fitting(admit_all(seats, len(left)))
            try:
                answers.update(
                    _admit(tables, event_id, left, keys, admitted, seats)
                    if admitted
                    else _refuse(tables, event_id, left)
                )
                seats = after(seats, admitted)
            except Misfits as misfits:
                refused = {left[number]: refusal for number, refusal in misfits.refusals.items()}
                answers.update({it: why for it, why in refused.items() if not full_user(why)})
                for user in filter(None, map(full_user, refused.values())):
                    settle(tables, user)
                seats = to_seats(misfits.image) if misfits.image else seats

    try:
        tables.retry(event_items.checking_absence(tables, event_id, attempt))
    except (EventNotFound, Unavailable) as refusal:
        # An Unavailable leaves open whether the last transaction was applied: its members get the same answer.
        answers = dict.fromkeys(user_ids, refusal) | answers
    return _with_repetitions(_with_positions(tables, event_id, answers), keys)


def _fitting(admitted: list[Admission]) -> list[Admission]:
    """Return the first admissions, as far as they fit into a transaction."""
    steps = 1  # The event's seats.
    for number, admission in enumerate(admitted):
        steps += _STEPS_EACH[admission]
        if steps + (admission is Admission.QUEUE) > STEPS:  # The place ahead of the first.
            return admitted[:number]
    return admitted


def _admit(  # noqa: PLR0913 - an event, its people, and what their admission relies on
    tables: Tables,
    event_id: str,
    user_ids: Sequence[str],
    keys: Mapping[str, str | None],
    admitted: Sequence[Admission],
    seats: Seats,
) -> Answers:
    """Admit the first users in one transaction, on the condition that the seats are as in the snapshot.

    Raises:
        Misfits: Some of them can't be registered; by the number of each in `user_ids`.
        Changed: The seats are not as in the snapshot.

    """
    token = new_token()
    steps = [_seats_step(event_id, seats, admitted)]
    owners = [0]
    registrations: list[Registration] = []
    for number, (user_id, admission) in enumerate(zip(user_ids, admitted, strict=False)):
        before = after(seats, admitted[:number])
        registrations.append(replace(_registration(event_id, user_id, admission, before), request=keys.get(user_id)))
        together = token if before.next_seq > seats.next_seq else None
        own = _member_steps(registrations[-1], before.next_seq, together)
        steps += own
        owners += [number] * len(own)
    if seats.waitlisted and Admission.QUEUE in admitted:
        steps.append(places.ahead_step(event_id, seats.next_seq))
    try:
        tables.transact(steps, group=token)
    except Misfits as misfits:
        raise _by_owner(misfits, owners) from misfits
    return {registration.user_id: registration for registration in registrations}


def _by_owner(misfits: Misfits, owners: Sequence[int]) -> Exception:
    """Return the first refusal of each person; that of the event, if it does not exist."""
    if 0 in misfits.refusals:
        return misfits.refusals[0]
    first: dict[int, Refusal] = {}
    for index, refusal in misfits.refusals.items():
        first.setdefault(owners[index], refusal)
    return Misfits(first, misfits.image)


def _registration(event_id: str, user_id: str, admission: Admission, before: Seats) -> Registration:
    seat = admission is Admission.SEAT
    return Registration(
        event_id=event_id,
        user_id=user_id,
        status="confirmed" if seat else "waitlisted",
        registered_at=now(),
        position=None if seat else before.waitlisted + 1,
    )


def _member_steps(registration: Registration, seq: int, together: str | None) -> list[Step]:
    if registration.status == "confirmed":
        return admission_steps(registration, _already)
    place = places.place_step(registration, seq, together)
    return [*admission_steps(registration, _already, seq, together), place]


def _seats_step(event_id: str, seats: Seats, admitted: Sequence[Admission]) -> Step:
    """Return the step that counts the people; its conditions make overselling and queue jumps impossible."""
    taken = admitted.count(Admission.SEAT)
    joined = len(admitted) - taken
    change = "ADD #confirmed :taken, #changes :one"
    condition = f"{IS_OPEN} AND #waitlisted = :nobody AND #capacity = :capacity AND #confirmed <= :most"
    values: dict[str, str | int | bool] = {"nobody": 0, "most": seats.capacity - taken}
    if joined:
        change = "ADD #confirmed :taken, #waitlisted :joined, #nextSeq :joined, #changes :one"
        condition = (
            f"{IS_OPEN} AND #hasWaitlist = :true AND #nextSeq = :seq AND #waitlisted = :waitlisted"
            " AND #confirmed = :confirmed AND #capacity = :capacity"
        )
        values = {"joined": joined, "true": True, "seq": seats.next_seq}
        values |= {"waitlisted": seats.waitlisted, "confirmed": seats.confirmed}
    values |= {"taken": taken, "one": 1, "capacity": seats.capacity}
    return Step(
        action="Update",
        table="Events",
        key=seats_key(event_id),
        change=change,
        condition=condition,
        values={**OPEN_VALUES, **values},
        refusal=event_missing,
    )


def _refuse(tables: Tables, event_id: str, user_ids: Sequence[str]) -> Answers:
    """Return the refusal of each user, as of one moment: no seat is free, or the event is closed.

    Raises:
        Changed: The event admits people again.

    """
    seats, *found = tables.snapshot(
        [
            ("Events", seats_key(event_id)),
            *(("Users", user_key(user_id)) for user_id in user_ids),
            *(("Registrations", registration_key(event_id, user_id)) for user_id in user_ids),
        ]
    )
    if seats is None:
        raise EventNotFound
    try:
        admit(to_seats(seats))
    except Refusal as refusal:
        users, items = found[: len(user_ids)], found[len(user_ids) :]
        return {
            user_id: UserNotFound() if is_gone(user) else refusal if item is None else _already(item)
            for user_id, user, item in zip(user_ids, users, items, strict=True)
        }
    raise Changed(seats)


class _Waiting(Refusal):
    """The user has a registration that waits, with the number `seq`; the position is still to be read."""

    def __init__(self, registration: Registration, seq: int) -> None:
        super().__init__()
        self.registration = registration
        self.seq = seq


def _already(item: Item) -> Refusal:
    registration = to_registration(item)
    return _Waiting(registration, item["seq"]) if "seq" in item else AlreadyRegistered(registration)


def _with_positions(tables: Tables, event_id: str, answers: Answers) -> Answers:
    """Read the positions of all who wait already, in two Queries for all of them."""
    waiting = {user_id: answer for user_id, answer in answers.items() if isinstance(answer, _Waiting)}
    try:
        positions = queue.positions(tables, event_id, [answer.seq for answer in waiting.values()])
    except Unavailable as refusal:
        return answers | dict.fromkeys(waiting, refusal)
    return answers | {
        user_id: AlreadyRegistered(replace(answer.registration, position=positions[answer.seq]))
        for user_id, answer in waiting.items()
    }


def _with_repetitions(answers: Answers, keys: Mapping[str, str | None]) -> Answers:
    """Return the registrations of those whose request has made them before, in place of the refusals."""
    again = {
        user_id: registration
        for user_id, answer in answers.items()
        if isinstance(answer, AlreadyRegistered) and (registration := repeated(answer, keys.get(user_id)))
    }
    return answers | again
