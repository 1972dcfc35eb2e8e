"""Fixed results in place of the service's storage functions."""

from typing import Any

from storage import events, registration_lists, registrations
from storage.dynamodb.tables import Tables
from storage.errors import EventFull
from storage.model import Page, Registration
from tests.bench import dataset
from tests.bench.calls import FULL, NEWCOMER, OPEN, REGULAR


def stub() -> None:
    """Replace the functions that the measured operations call."""
    event, page = dataset.event(OPEN), Page([dataset.event(event_id) for event_id in dataset.EVENT_IDS])
    registered = Page(
        [(dataset.registration(event_id, REGULAR), dataset.event(event_id)) for event_id in dataset.REGULAR_EVENT_IDS]
    )
    registration = dataset.registration(OPEN, NEWCOMER)

    def register(_tables: Tables, event_id: str, _user_id: str) -> Registration:
        if event_id == FULL:
            raise EventFull
        return registration

    replacements: Any = {
        (Tables, "ping"): lambda _self: None,
        (events, "get"): lambda _tables, _event_id: event,
        (events, "list_page"): lambda _tables, **_filters: page,
        (registrations, "register"): register,
        (registration_lists, "of_user"): lambda _tables, _user_id, **_page: registered,
    }
    for (place, name), replacement in replacements.items():
        setattr(place, name, replacement)
