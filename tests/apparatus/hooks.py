"""Hooks on the events of the client behind `Tables`, for as long as a context lasts."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from storage.dynamodb.tables import Tables


@contextmanager
def hooked(tables: Tables, event: str, hook: Callable[..., Any]) -> Iterator[None]:
    """Call a hook at a botocore event, such as `before-call.dynamodb.Query`."""
    events = tables.client.meta.events
    events.register(event, hook)
    try:
        yield
    finally:
        events.unregister(event, hook)


@contextmanager
def requests_of(tables: Tables, call: str) -> Iterator[list[dict[str, Any]]]:
    """Collect the requests of every call of this name, such as `Query`."""
    sent: list[dict[str, Any]] = []
    with hooked(
        tables, f"before-call.dynamodb.{call}", lambda params, **_context: sent.append(json.loads(params["body"]))
    ):
        yield sent
