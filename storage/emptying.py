"""Removing the people of a cancelled event in batches, before it is deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NoReturn

from storage import queue, registration_lists
from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed, Step
from storage.dynamodb.tables import Tables
from storage.errors import (
    Damaged,
    EventNotFound,
    Refusal,
    VersionMismatch,
)
from storage.items import (
    USER_PREFIX,
    queue_key,
    queue_number,
    seats_key,
    to_registration,
    to_seats,
)
from storage.model import Event, RegistrationStatus, now
from storage.queue_check import QueueCheck
from storage.registration_steps import removal_steps
from storage.rules import Seats

#: People per transaction: each who waits has a registration, a pointer and a place, each confirmed person two of them.
WAITING_BATCH: Final = 33
CONFIRMED_BATCH: Final = 49

#: Time after which all registrations from before an event was closed are visible: those of DynamoDB are much sooner.
_ALL_VISIBLE: Final = timedelta(minutes=1)


class People:
    """The people of a cancelled event, who are removed in batches: those who wait first, from the head of the queue.

    A position counts from the head, so no number need be recorded as left.
    """

    def __init__(self, tables: Tables, event: Event) -> None:
        """Take the event as it was closed: it must keep its version."""
        self._tables, self._event_id, self._version = tables, event.event_id, event.version
        self._closed_at = event.updated_at
        self._check = QueueCheck(tables, event.event_id)
        self._without_people: Item | None = None

    def remove_some(self) -> Seats | None:
        """Remove one batch and return None; once nobody is left, return the seats.

        Raises:
            EventNotFound: It was deleted.
            VersionMismatch: It was changed.
            Damaged: It counts other people than there are, or the head of the queue can't be removed.
            Changed: Others are at work, or those who are counted are not visible yet.

        """
        image = self._tables.get("Events", seats_key(self._event_id))
        if refusal := self._refusal(image):
            raise refusal
        assert image is not None
        seats = to_seats(image)
        if seats.waitlisted:
            places = queue.heads(self._tables, self._event_id, WAITING_BATCH)
            self._check(places, image)
            self._remove(image, "waitlisted", [_steps_of_place(self._event_id, place) for place in places])
        elif seats.confirmed:
            found = registration_lists.items_of_event(self._tables, self._event_id, CONFIRMED_BATCH)
            confirmed = [item for item in found if to_registration(item).status == "confirmed"]
            self._remove(image, "confirmed", [_steps_of_seat(self._event_id, item) for item in confirmed])
        elif uncounted := registration_lists.items_of_event(self._tables, self._event_id, 1):
            self._check_counter(image, [_steps_of_seat(self._event_id, item) for item in uncounted])
        else:
            return seats
        return None

    def _refusal(self, image: Item | None) -> Refusal | None:
        if image is None:
            return EventNotFound()
        return None if image["version"] == self._version else VersionMismatch()

    def _remove(self, image: Item, status: RegistrationStatus, people: Sequence[Sequence[Step]]) -> None:
        """Remove people by the steps for each, and count them, if the event is as it was closed."""
        if not people:
            self._check_time(image)
        if len(people) > image[status]:
            self._check_counter(image, people)
        counted = Step(
            action="Update",
            table="Events",
            key=seats_key(self._event_id),
            change=f"ADD #{status} :fewer, #changes :one",
            condition="#version = :version",
            values={"fewer": -len(people), "one": 1, "version": self._version},
            refusal=self._refusal,
        )
        self._tables.transact([counted, *(step for steps in people for step in steps)])

    def _check_time(self, image: Item) -> NoReturn:
        """Tell damage from a race after nobody was found, although people are counted.

        Raises:
            Damaged: The event was closed so long ago that all its registrations are visible, and in the last attempt
                nobody was found either, by the same counters.
            Changed: They may not be visible yet, or others may have removed them.

        """
        unchanged, self._without_people = image == self._without_people, image
        if unchanged and datetime.fromisoformat(now()) - datetime.fromisoformat(self._closed_at) > _ALL_VISIBLE:
            raise self._damaged("counts people who are not registered")
        raise Changed

    def _check_counter(self, seen: Item, people: Sequence[Sequence[Step]]) -> NoReturn:
        """Tell damage from a race after more people were found than are counted.

        Raises:
            Damaged: All of them could be removed, and the counters have not changed.
            Changed: Some have left, or were promoted, before.

        """
        removals = [steps[0] for steps in people]
        keys = [("Registrations", step.key or {}) for step in removals]
        seats, *found = self._tables.snapshot([("Events", seats_key(self._event_id)), *keys])
        as_found = (item and step.values.items() <= item.items() for step, item in zip(removals, found, strict=True))
        if seats == seen and all(as_found):
            raise self._damaged("counts fewer people than are registered")
        raise Changed

    def _damaged(self, what: str) -> Damaged:
        return Damaged("Events", f"{self._event_id} SEATS", what)


def _steps_of_place(event_id: str, place: Item) -> list[Step]:
    """Return the steps that remove a place and its registration, if that still has the same number."""
    seq = queue_number(place)
    return [
        *removal_steps(event_id, place["userId"], {"seq": seq}),
        Step(action="Delete", table="Registrations", key=queue_key(event_id, seq)),
    ]


def _steps_of_seat(event_id: str, registration: Item) -> list[Step]:
    return removal_steps(event_id, registration["sk"].removeprefix(USER_PREFIX), registration)
