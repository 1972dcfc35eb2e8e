"""An import beside others, while the items of a transaction become visible one by one."""

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from storage import audit, registrations
from storage.dynamodb.attributes import marshal
from storage.dynamodb.tables import Tables
from storage.errors import Contention, RegistrationNotFound
from storage.items import queue_key, seats_key
from storage.transfer import batches
from storage.transfer.admission import Admitted
from tests.apparatus.transfers import content, event, file, imported, waitlisted
from tests.simulation.dynamodb import Dynamo
from tests.simulation.stage import with_a_taken_seat


class PlacesBackwards(random.Random):
    """Makes the counters of a transaction visible first, and its other items from the last step on."""

    def sample(self, population: Any, k: int, *, counts: Any = None) -> list[Any]:
        del counts
        first, *others = list(population)[:k]
        return [first, *reversed(others)]


@pytest.fixture
def dynamo() -> Dynamo:
    return Dynamo(PlacesBackwards(0))


@pytest.fixture
def tables(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    """Make an event whose only seat `a` has, which an import finds there, and three users."""
    monkeypatch.setattr(batches, "write_event", lambda *_event: Admitted.PRESENT)
    with with_a_taken_seat(dynamo, "abc") as tables:
        yield tables


def waiting(dynamo: Dynamo) -> bool:
    """Return whether the counters show somebody in the queue."""
    seats = dynamo.get("Events", marshal(seats_key("e")), consistent=True)
    return seats is not None and seats["waitlisted"] != {"N": "0"}


def test_nobody_is_promoted_over_a_person_of_the_file_whose_place_is_not_visible_yet(
    tables: Tables, dynamo: Dynamo
) -> None:
    """The person with a seat leaves as soon as the store allows it, once somebody is counted in the queue."""
    tries: list[object] = []

    def leave() -> None:
        if waiting(dynamo):
            dynamo.tear, dynamo.pause = lambda: False, lambda: None
            tries.append(None)
            with suppress(Contention, RegistrationNotFound):
                registrations.unregister(tables, "e", "a")
            dynamo.tear, dynamo.pause = lambda: True, leave

    dynamo.tear, dynamo.pause = lambda: True, leave
    imported(tables, content(file(event(capacity=1), waitlisted("b"), waitlisted("c"))), alone=False)
    assert len(tries) > 2
    assert registrations.get(tables, "e", "b").status == "confirmed"
    assert list(audit.audit(tables)) == []


def test_an_import_joins_behind_a_place_that_is_not_visible_yet_only_when_it_is(tables: Tables, dynamo: Dynamo) -> None:
    tries: list[object] = []

    def go_on() -> None:
        if (
            not tries
            and waiting(dynamo)
            and not dynamo.get("Registrations", marshal(queue_key("e", 0)), consistent=True)
        ):
            tries.append(None)
            with pytest.raises(Contention):
                imported(tables, content(file(event(capacity=1), waitlisted("c"))), alone=False)

    dynamo.tear, dynamo.pause = lambda: not tries, go_on
    registrations.register(tables, "e", "b")
    assert tries
    imported(tables, content(file(event(capacity=1), waitlisted("c"))), alone=False)
    assert registrations.get(tables, "e", "c").position == 2
    assert list(audit.audit(tables)) == []
