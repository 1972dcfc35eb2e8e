"""Fixed results in place of the peer's repository methods.

The methods are replaced, not the dependencies: FastAPI resolves an overridden dependency again in every request, which
it does not do otherwise.
"""

from typing import Any

from tests.bench import dataset
from tests.bench.calls import FULL, NEWCOMER, OPEN, REGULAR
from tests.bench.peer.event_repository import EventRepository, to_event
from tests.bench.peer.models import EventPage, EventSummary, Registration, UserRegistration, UserRegistrationPage
from tests.bench.peer.problems import event_full
from tests.bench.peer.registration_repository import RegistrationRepository


def stub() -> None:
    """Replace the methods that the measured operations call."""
    found = dataset.items()["Events"]
    parts = {(item["eventId"], item["part"]): item for item in found}
    events = {
        event_id: to_event(parts[event_id, "DETAILS"], parts[event_id, "SEATS"]) for event_id in dataset.EVENT_IDS
    }
    page = EventPage(events=list(events.values()))
    registered = UserRegistrationPage(
        registrations=[
            UserRegistration(**dict(_registration(event_id, REGULAR)), event=EventSummary(**parts[event_id, "DETAILS"]))
            for event_id in dataset.REGULAR_EVENT_IDS
        ]
    )
    registration = _registration(OPEN, NEWCOMER)

    def register(_self: RegistrationRepository, event_id: str, _user_id: str) -> Registration:
        if event_id == FULL:
            raise event_full()
        return registration

    replacements: Any = {
        (EventRepository, "ping"): lambda _self: None,
        (EventRepository, "get"): lambda _self, _event_id: events[OPEN],
        (EventRepository, "list"): lambda _self, _query: page,
        (RegistrationRepository, "register"): register,
        (RegistrationRepository, "of_user"): lambda _self, _user_id, _query: registered,
    }
    for (place, name), replacement in replacements.items():
        setattr(place, name, replacement)


def _registration(event_id: str, user_id: str) -> Registration:
    moment = dataset.registration(event_id, user_id).registered_at
    return Registration(event_id=event_id, user_id=user_id, status="confirmed", registered_at=moment)
