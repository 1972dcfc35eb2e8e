"""Fixed models in place of our storage functions."""

from typing import Any

from storage import events, registration_lists, registrations
from storage.dynamodb.tables import Tables
from storage.errors import EventFull
from storage.model import Page, Registration
from tests.bench import ledger
from tests.bench.calls import FULL, NEWCOMER, OPEN, REGULAR


def stub() -> None:
    """Replace what the measured operations call."""
    event, page = ledger.event(OPEN), Page([ledger.event(event_id) for event_id in ledger.EVENT_IDS])
    registered = Page(
        [(ledger.registration(event_id, REGULAR), ledger.event(event_id)) for event_id in ledger.REGULARS]
    )
    registration = ledger.registration(OPEN, NEWCOMER)

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
