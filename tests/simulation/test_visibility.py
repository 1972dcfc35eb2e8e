"""Races of the queue while the items of a transaction become visible one by one, the counters before the rest."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest

from storage import audit, event_deletion, events, queue, registration_lists, registrations, user_deletion
from storage.admissions import register_all
from storage.departures import unregister_all
from storage.dynamodb.attributes import Key, marshal
from storage.dynamodb.tables import Tables
from storage.errors import Contention, DeletionInProgress, EventNotFound, RegistrationNotFound
from storage.items import left_key, pointer_key, queue_key, registration_key, seats_key, user_key
from storage.user_steps import RECENT
from tests.simulation.clients import fields
from tests.simulation.dynamodb import Dynamo
from tests.simulation.stage import with_a_taken_seat


class InOrder(random.Random):
    """Makes the items of a transaction visible in the order of its steps: the counters first, the place last."""

    def sample(self, population: Any, k: int, *, counts: Any = None) -> list[Any]:
        del counts
        return list(population)[:k]


@pytest.fixture
def dynamo() -> Dynamo:
    return Dynamo(InOrder(0))


@pytest.fixture
def tables(dynamo: Dynamo) -> Iterator[Tables]:
    """Make an event whose only seat `a` has, and five users."""
    with with_a_taken_seat(dynamo, "abcde") as tables:
        yield tables


#: The counters of the event.
SHOWN: Final = ("Events", seats_key("e"))


class Meanwhile:
    """Acts once while an item of a transaction, the counters, is visible, but its change of another one is not."""

    def __init__(
        self,
        dynamo: Dynamo,
        hidden: Key,
        act: Callable[[], object],
        shown: tuple[str, Key] = SHOWN,
    ) -> None:
        self.acted = False
        self._shown = shown[0], marshal(shown[1])
        self._dynamo, self._act, self._hidden = dynamo, act, marshal(hidden)
        self._before = self._seen()
        dynamo.tear = lambda: not self.acted
        dynamo.pause = self._pause

    def _seen(self) -> tuple[Any, Any]:
        return self._dynamo.get(*self._shown, consistent=True), self._dynamo.get(
            "Registrations", self._hidden, consistent=True
        )

    def _pause(self) -> None:
        (seats, item), (seats_before, item_before) = self._seen(), self._before
        if not self.acted and seats != seats_before and item == item_before:
            self.acted = True
            self._act()


def test_a_person_is_not_promoted_ahead_of_a_place_that_is_not_visible_yet(tables: Tables, dynamo: Dynamo) -> None:
    def join_and_hand_on_the_seat() -> None:
        with suppress(Contention):
            registrations.register(tables, "e", "c")
        with suppress(Contention):
            registrations.unregister(tables, "e", "a")

    meanwhile = Meanwhile(dynamo, queue_key("e", 0), join_and_hand_on_the_seat)
    registrations.register(tables, "e", "b")
    assert meanwhile.acted
    with suppress(RegistrationNotFound):
        registrations.unregister(tables, "e", "a")
    assert registrations.get(tables, "e", "b").status == "confirmed"
    assert list(audit.audit(tables)) == []


def test_a_person_joins_as_soon_as_the_place_ahead_is_visible(tables: Tables, dynamo: Dynamo) -> None:
    def join() -> None:
        with pytest.raises(Contention):
            registrations.register(tables, "e", "c")

    meanwhile = Meanwhile(dynamo, queue_key("e", 0), join)
    registrations.register(tables, "e", "b")
    assert meanwhile.acted
    assert registrations.register(tables, "e", "c").position == 2
    assert list(audit.audit(tables)) == []


def test_a_person_joins_as_soon_as_the_place_ahead_is_visibly_left(tables: Tables, dynamo: Dynamo) -> None:
    for user_id in "bc":
        registrations.register(tables, "e", user_id)

    def join() -> None:
        with pytest.raises(Contention):
            registrations.register(tables, "e", "d")

    meanwhile = Meanwhile(dynamo, queue_key("e", 1), join)
    registrations.unregister(tables, "e", "c")
    assert meanwhile.acted
    assert registrations.register(tables, "e", "d").position == 2
    assert list(audit.audit(tables)) == []


def test_a_person_joins_while_the_head_of_the_queue_is_promoted_and_others_wait(tables: Tables, dynamo: Dynamo) -> None:
    """Only the place directly ahead has to be visible."""
    for user_id in "bc":
        registrations.register(tables, "e", user_id)

    meanwhile = Meanwhile(dynamo, queue_key("e", 0), lambda: registrations.register(tables, "e", "d"))
    registrations.unregister(tables, "e", "a")
    assert meanwhile.acted
    assert [registrations.get(tables, "e", user_id).position for user_id in "cd"] == [1, 2]
    assert list(audit.audit(tables)) == []


def test_a_person_joins_when_everybody_ahead_is_promoted_but_not_visibly(tables: Tables, dynamo: Dynamo) -> None:
    """Nobody waits by the counters, so every place ahead was visible before it was removed."""
    registrations.register(tables, "e", "b")
    meanwhile = Meanwhile(dynamo, queue_key("e", 0), lambda: registrations.register(tables, "e", "c"))
    registrations.unregister(tables, "e", "a")
    assert meanwhile.acted
    assert registrations.get(tables, "e", "c").position == 1
    assert list(audit.audit(tables)) == []


def test_a_deleted_event_leaves_no_item_although_the_last_number_that_left_is_not_visible(
    tables: Tables, dynamo: Dynamo
) -> None:
    """The deletion computes the keys of the LEFT items; a read would miss the one that is not visible."""
    registrations.register(tables, "e", "b")
    events.update(tables, "e", {"status": "cancelled"})
    registrations.unregister(tables, "e", "a")

    def delete() -> None:
        with suppress(Contention):
            event_deletion.delete(tables, "e")

    meanwhile = Meanwhile(dynamo, left_key("e", 0), delete)
    registrations.unregister(tables, "e", "b")
    assert meanwhile.acted
    with suppress(EventNotFound):
        event_deletion.delete(tables, "e")
    assert [table for table, _partition, _sort in dynamo.items] == ["Users"] * 5


def test_a_person_who_leaves_an_event_that_is_deleted_and_is_visible_still_is_not_damage(
    tables: Tables, dynamo: Dynamo
) -> None:
    """The counters show the departure of `a` already, so the deletion finds more people than are counted."""
    events.update(tables, "e", {"capacity": 2})
    registrations.register(tables, "e", "b")

    def delete() -> None:
        with pytest.raises(DeletionInProgress):
            event_deletion.delete_with_registrations(tables, "e")

    meanwhile = Meanwhile(dynamo, registration_key("e", "a"), delete)
    registrations.unregister(tables, "e", "a")
    assert meanwhile.acted
    event_deletion.delete_with_registrations(tables, "e")
    assert [table for table, _partition, _sort in dynamo.items] == ["Users"] * 5


def test_a_person_who_was_admitted_just_before_an_event_is_deleted_is_removed_once_visible(
    tables: Tables, dynamo: Dynamo
) -> None:
    registrations.unregister(tables, "e", "a")

    def delete() -> None:
        with pytest.raises(DeletionInProgress):
            event_deletion.delete_with_registrations(tables, "e")

    meanwhile = Meanwhile(dynamo, registration_key("e", "b"), delete)
    registrations.register(tables, "e", "b")
    assert meanwhile.acted
    event_deletion.delete_with_registrations(tables, "e")
    assert [table for table, _partition, _sort in dynamo.items] == ["Users"] * 5


def test_a_position_in_the_list_of_a_user_is_off_by_one_while_a_person_behind_leaves_and_right_afterwards(
    tables: Tables, dynamo: Dynamo
) -> None:
    """The counters show the departure of `d`, and the LEFT item does not yet. Both other reads start at the head."""
    for user_id in "bcd":
        registrations.register(tables, "e", user_id)
    seen: list[int | None] = []

    def look() -> None:
        seen.extend(listed(tables, user_id) for user_id in "bc")
        seen.extend(registrations.get(tables, "e", user_id).position for user_id in "bc")

    meanwhile = Meanwhile(dynamo, left_key("e", 0), look)
    registrations.unregister(tables, "e", "d")
    assert meanwhile.acted
    assert seen == [1, 1, 1, 2]
    assert [listed(tables, user_id) for user_id in "bc"] == [1, 2]


def listed(tables: Tables, user_id: str) -> int | None:
    """Return the position in the only registration of a user, as the list shows it."""
    ((registration, _event),) = registration_lists.of_user(tables, user_id, limit=10).entries
    return registration.position


class LastHidden(InOrder):
    """Makes one item of the queue visible after all others."""

    def sample(self, population: Any, k: int, *, counts: Any = None) -> list[Any]:
        return sorted(super().sample(population, k, counts=counts), key=lambda it: it[2] == queue_key("e", 0)["sk"])


class Another:
    """Acts once, when of the places that one transaction writes only the first is not visible yet."""

    def __init__(self, dynamo: Dynamo, last: int, act: Callable[[], object]) -> None:
        self.acted = False
        self._dynamo, self._act, self._last = dynamo, act, last
        dynamo.random = LastHidden(0)
        dynamo.tear = lambda: not self.acted
        dynamo.pause = self._pause

    def _visible(self, seq: int) -> bool:
        return self._dynamo.get("Registrations", marshal(queue_key("e", seq)), consistent=True) is not None

    def _pause(self) -> None:
        if not self.acted and self._visible(self._last) and not self._visible(0):
            self.acted = True
            self._act()


@pytest.fixture
def other(tables: Tables) -> Tables:
    """Return the tables of another process, which does not know that a transaction was answered."""
    return Tables(tables.client, retry_seconds=0.1)


def test_a_person_is_not_promoted_ahead_of_one_who_joined_in_the_same_transaction(
    tables: Tables, other: Tables, dynamo: Dynamo
) -> None:
    def hand_on_the_seat() -> None:
        with pytest.raises(Contention):
            registrations.unregister(other, "e", "a")
        with pytest.raises(Contention):
            raise next(filter(None, unregister_all(other, "e", "a").values()))

    another = Another(dynamo, 1, hand_on_the_seat)
    register_all(tables, "e", "bc")
    assert another.acted
    registrations.unregister(other, "e", "a")
    assert registrations.get(tables, "e", "b").status == "confirmed"
    assert list(audit.audit(tables)) == []


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
def test_a_person_does_not_leave_before_the_place_ahead_in_the_same_transaction_is_visible(
    tables: Tables, other: Tables, dynamo: Dynamo, *, together: bool
) -> None:
    """Otherwise the one behind would be promoted, as nothing is visible ahead, ahead of the one in front."""

    def leave_and_hand_on_the_seat() -> None:
        if together:
            assert isinstance(unregister_all(other, "e", "c")["c"], Contention)
        else:
            with pytest.raises(Contention):
                registrations.unregister(other, "e", "c")
        with pytest.raises(Contention):
            registrations.unregister(other, "e", "a")

    another = Another(dynamo, 2, leave_and_hand_on_the_seat)
    register_all(tables, "e", "bcd")
    assert another.acted
    unregister_all(other, "e", "ac")
    assert [registrations.get(tables, "e", user_id).status for user_id in "bd"] == ["confirmed", "waitlisted"]
    assert list(audit.audit(tables)) == []


def test_several_people_are_promoted_only_if_all_places_between_them_are_visible(
    tables: Tables, other: Tables, dynamo: Dynamo
) -> None:
    another = Another(dynamo, 2, lambda: events.update(other, "e", {"capacity": 3}))
    register_all(tables, "e", "bcd")
    assert another.acted
    queue.resume(other, "e")
    assert [registrations.get(tables, "e", user_id).status for user_id in "bcd"] == [
        "confirmed", "confirmed", "waitlisted",
    ]  # fmt: skip
    assert list(audit.audit(tables)) == []


def test_a_user_who_leaves_for_good_leaves_no_registration_that_is_not_visible_yet(
    tables: Tables, dynamo: Dynamo
) -> None:
    """The list of the user's registrations misses it, but the user's item names the event."""

    def leave_for_good() -> None:
        with pytest.raises(DeletionInProgress):
            user_deletion.delete(tables, "b")

    meanwhile = Meanwhile(dynamo, pointer_key("b", "e"), leave_for_good, ("Users", user_key("b")))
    registrations.register(tables, "e", "b")
    assert meanwhile.acted
    assert list(audit.audit(tables)) == []
    user_deletion.delete(tables, "b")
    with pytest.raises(RegistrationNotFound):
        registrations.get(tables, "e", "b")
    assert list(audit.audit(tables)) == []


def test_no_event_is_forgotten_whose_registration_is_not_visible_yet(tables: Tables, dynamo: Dynamo) -> None:
    """As many registrations as a user's item names, and one more, which makes room in it."""
    for number in range(RECENT):
        events.create(tables, f"e{number}", fields({"capacity": 1}))
    for number in range(RECENT - 1):
        registrations.register(tables, f"e{number}", "b")

    def register_once_more_and_leave_for_good() -> None:
        with pytest.raises(Contention):
            registrations.register(tables, f"e{RECENT - 1}", "b")
        with pytest.raises(DeletionInProgress):
            user_deletion.delete(tables, "b")

    shown = ("Users", user_key("b"))
    meanwhile = Meanwhile(dynamo, pointer_key("b", "e"), register_once_more_and_leave_for_good, shown)
    registrations.register(tables, "e", "b")
    assert meanwhile.acted
    user_deletion.delete(tables, "b")
    assert list(audit.audit(tables)) == []
