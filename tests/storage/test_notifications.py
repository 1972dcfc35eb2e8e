"""Each change of a registration tells what happened, and nothing else does."""

import pytest

from storage import events, registrations
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import Tables
from storage.items import left_key, pointer_key, queue_item, registration_item, registration_key
from storage.model import Registration
from storage.notifications import Notification, derive
from tests.apparatus.registered import make_event, register

MADE = "2030-01-01T00:00:00.000Z"
SEAT = Registration(event_id="e", user_id="a", status="confirmed", registered_at=MADE)
PLACE = Registration(event_id="e", user_id="a", status="waitlisted", registered_at=MADE)
PROMOTED = Registration(event_id="e", user_id="a", status="confirmed", registered_at=MADE, promoted_at=MADE)

ROWS: dict[str, tuple[Item | None, Item | None, Notification | None]] = {
    "a seat is taken": (None, registration_item(SEAT), Notification("confirmed", SEAT)),
    "a place is taken": (None, registration_item(PLACE, 7), Notification("waitlisted", PLACE)),
    "a place becomes a seat": (
        registration_item(PLACE, 7),
        registration_item(PROMOTED),
        Notification("promoted", PROMOTED),
    ),
    "a seat is left": (registration_item(PROMOTED), None, Notification("cancelled", PROMOTED)),
    "a place is left": (registration_item(PLACE, 7, "t"), None, Notification("cancelled", PLACE)),
    "nothing is there": (None, None, None),
    "the images are equal": (registration_item(SEAT), registration_item(SEAT), None),
    "another attribute changes": (registration_item(SEAT), {**registration_item(SEAT), "note": "x"}, None),
    "a number is repaired": (registration_item(PLACE, 7), registration_item(PLACE, 8), None),
    "a seat becomes a place, which nothing does": (registration_item(SEAT), registration_item(PLACE, 7), None),
    "a place in the queue is made": (None, queue_item(PLACE, 7), None),
    "a place in the queue goes": (queue_item(PLACE, 7), None, None),
    "numbers left": (None, {**left_key("e", 7), "numbers": frozenset({7})}, None),
    "a pointer is made": (None, dict(pointer_key("a", "e")), None),
    "a pointer goes": (dict(pointer_key("a", "e")), None, None),
    "a damaged registration comes": (None, {**registration_item(SEAT), "status": "lost"}, None),
    "a damaged registration goes": ({**registration_key("e", "a"), "status": "confirmed"}, None, None),
    "a damaged registration is repaired": (dict(registration_key("e", "a")), registration_item(SEAT), None),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_change_tells_what_happened(row: str) -> None:
    old, new, told = ROWS[row]
    assert derive(old, new) == told


def test_a_promoted_registration_has_the_time_of_its_promotion_and_no_other_has_one(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b", "c", "d")
    registrations.unregister(moto_tables, "e", "a")
    assert registrations.get(moto_tables, "e", "b").promoted_at is not None
    assert registrations.get(moto_tables, "e", "c").promoted_at is None
    events.update(moto_tables, "e", {"capacity": 3})
    times = [registrations.get(moto_tables, "e", user_id) for user_id in "bcd"]
    assert [entry.promoted_at is not None and entry.promoted_at >= entry.registered_at for entry in times] == [True] * 3


def test_a_person_who_comes_back_has_no_promotion_in_the_new_registration(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")
    registrations.unregister(moto_tables, "e", "a")
    registrations.unregister(moto_tables, "e", "b")
    register(moto_tables, "b")
    assert registrations.get(moto_tables, "e", "b").promoted_at is None
