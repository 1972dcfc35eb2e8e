"""Damage at the head of a queue, told from a race: places without registrations, and people without places."""

from collections.abc import Sequence
from typing import Final

from storage.dynamodb.attributes import Item
from storage.dynamodb.steps import Changed
from storage.dynamodb.tables import Tables
from storage.errors import Damaged
from storage.items import lacking, queue_key, queue_number, registration_key, seats_key, to_seats

#: Number of attempts in a row that fail with the same head, after which the queue is read as of one moment.
SAME_HEAD: Final = 3

#: Number of the last places that are looked for if none is found; a transaction gives fewer.
_LAST_PLACES: Final = 99

_NOBODY: Final = -1


class QueueCheck:
    """Checks the people whom one attempt after the other of an operation is about to promote.

    Only an attempt that failed is repeated, and after a race for the head somebody else is at it. So the first attempts
    with the same head need no check, and no call.
    """

    def __init__(self, tables: Tables, event_id: str) -> None:
        """Take the event of the queue."""
        self._tables, self._event_id = tables, event_id
        self._head: int | None = None
        self._failed = 0

    def __call__(self, heads: Sequence[Item], seats: Item | None = None) -> None:
        """Check the people at the head of the queue.

        If nobody was found there although people are counted, `seats` is the SEATS item from before the search.

        Raises:
            Changed: A transaction is writing to the queue, or one person has two places in the list.
            Damaged: No attempt to promote these people can succeed.

        """
        people = {_user_id(place) for place in heads}
        head = queue_number(heads[0]) if heads else _NOBODY
        self._failed = self._failed + 1 if head == self._head else 0
        self._head = head
        if self._failed >= SAME_HEAD:
            if heads:
                self._check_places(heads)
            elif seats:
                self._check_counter(seats)
            self._failed = 0
        if len(people) < len(heads):
            # A Query reads each item for itself: a place that was left is still visible beside the person's next one.
            raise Changed

    def _check_places(self, heads: Sequence[Item]) -> None:
        """Check that each place that still exists has a registration, which has its number."""
        seqs = [queue_number(place) for place in heads]
        people = sorted({place["userId"] for place in heads})
        keys = [queue_key(self._event_id, seq) for seq in seqs]
        keys += [registration_key(self._event_id, user_id) for user_id in people]
        found = self._tables.snapshot(("Registrations", key) for key in keys)
        registrations = dict(zip(people, found[len(seqs) :], strict=True))
        for seq, place in zip(seqs, found, strict=False):
            registration = registrations.get(place["userId"]) if place else None
            if place and (registration is None or registration.get("seq") != seq):
                what = "has no registration" if registration is None else "has a registration with another number"
                raise Damaged("Registrations", f"{place['pk']} {place['sk']}", what)

    def _check_counter(self, seen: Item) -> None:
        """Check that people are not counted who have no place, if SEATS is as it was before the search.

        A place that is not visible yet is locked, and conflicts; it was given by one of the last transactions.
        """
        end = to_seats(seen).next_seq
        keys = [("Registrations", queue_key(self._event_id, seq)) for seq in range(max(0, end - _LAST_PLACES), end)]
        seats, *places = self._tables.snapshot([("Events", seats_key(self._event_id)), *keys])
        if seats == seen and to_seats(seen).waitlisted and not any(places):
            raise Damaged("Events", f"{self._event_id} SEATS", "counts people who have no place in the queue")


def _user_id(place: Item) -> str:
    try:
        return str(place["userId"])
    except KeyError as error:
        raise lacking(place, error) from None
