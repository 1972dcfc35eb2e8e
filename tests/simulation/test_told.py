"""The simulation detects notifications that are forgotten, told of something else, or told with an old registration."""

from collections.abc import Callable
from typing import Final
from unittest import mock

import pytest

from storage import notifications
from storage.dynamodb.attributes import Item
from storage.notifications import Notification, derive
from tests.simulation.run import simulate

Derive = Callable[[Item | None, Item | None], Notification | None]

#: Some of these schedules promote people, and some register people again.
SEEDS: Final = range(14)


def forget_promotions() -> Derive:
    def mutant(old: Item | None, new: Item | None) -> Notification | None:
        told = derive(old, new)
        return None if told and told.kind == "promoted" else told

    return mutant


def tell_a_registration_again_only_once() -> Derive:
    known: set[tuple[str, str, str]] = set()

    def mutant(old: Item | None, new: Item | None) -> Notification | None:
        told = derive(old, new)
        if told is None:
            return None
        fact = (told.kind, told.registration.event_id, told.registration.user_id)
        if fact in known:
            return None
        known.add(fact)
        return told

    return mutant


def tell_every_change_as_a_registration() -> Derive:
    return lambda old, new: derive(None if old and new else old, new)


def tell_promotions_with_the_registration_before() -> Derive:
    def mutant(old: Item | None, new: Item | None) -> Notification | None:
        told, before = derive(old, new), derive(old, None)
        return Notification("promoted", before.registration) if told and told.kind == "promoted" and before else told

    return mutant


@pytest.mark.parametrize(
    ("mutant", "violation"),
    [
        (forget_promotions, "told, but did not happen: []; happened, but was not told: [('e0', 'u"),
        (tell_a_registration_again_only_once, "told, but did not happen: []; happened, but was not told: [('e0', 'u"),
        (tell_every_change_as_a_registration, "is told after waitlisted"),
        (tell_promotions_with_the_registration_before, "do not add up to the registrations in the table"),
    ],
)
def test_a_wrong_derivation_of_notifications_is_detected(mutant: Callable[[], Derive], violation: str) -> None:
    found = []
    for seed in SEEDS:
        with mock.patch.object(notifications, "derive", mutant()):
            found.append(simulate(seed).violation or "")
    assert any(violation in text for text in found), found


def test_each_schedule_tells_something() -> None:
    figures = [simulate(seed).figures for seed in SEEDS]
    assert all(outcome["notifications"] >= outcome["promotions"] for outcome in figures)
    assert sum(outcome["notifications"] for outcome in figures) > 50
