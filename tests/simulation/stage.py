"""An event whose only seat is taken, on a store whose transactions become visible item by item."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from storage import events, registrations, users
from storage.dynamodb.tables import Tables
from tests.simulation.clients import fields
from tests.simulation.dynamodb import Dynamo
from tests.simulation.network import Client
from tests.simulation.scheduler import Scheduler, virtual


@contextmanager
def with_a_taken_seat(dynamo: Dynamo, user_ids: str) -> Iterator[Tables]:
    """Make the event `e` with a waitlist and one seat, which `a` has, and users whose ids are single letters."""
    scheduler = Scheduler(dynamo.random)
    with virtual(scheduler, dynamo.random, batch=49):
        tables = Tables(cast("Any", Client(dynamo, scheduler, dynamo.random, {})))
        events.create(tables, "e", fields({"capacity": 1, "has_waitlist": True}))
        for user_id in user_ids:
            users.create(tables, user_id, "N")
        registrations.register(tables, "e", "a")
        yield tables
