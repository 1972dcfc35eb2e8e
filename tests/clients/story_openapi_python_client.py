"""The story, with the client that openapi-python-client generates."""

import datetime as dt
import os
import sys

from events_api_client import AuthenticatedClient, Client
from events_api_client.api.events import create_event, delete_event, get_event, list_events
from events_api_client.api.registrations import (
    get_registration,
    list_event_registrations,
    list_user_registrations,
    register_user,
    unregister_user,
)
from events_api_client.api.users import create_user, delete_user, get_user
from events_api_client.models import (
    Event,
    EventInput,
    EventPage,
    EventRegistrationInput,
    ListEventRegistrationsExpand,
    Problem,
    Registration,
    RegistrationPage,
    RegistrationStatus,
    User,
    UserInput,
    UserRegistrationPage,
    UserSummary,
)
from events_api_client.types import UNSET, Unset

EVENT, ADA, BOB, CYD = (f"openapi_python_client-{name}" for name in ("party", "ada", "bob", "cyd"))


def main(url: str) -> None:
    """Fill an event, join its queue, unregister, and check the promotion, as an organizer, three people and nobody."""
    with (
        caller(url, "OLGA_TOKEN") as olga,
        caller(url, "ADA_TOKEN") as ada,
        caller(url, "BOB_TOKEN") as bob,
        caller(url, "CYD_TOKEN") as cyd,
        Client(base_url=url, raise_on_unexpected_status=True) as nobody,
    ):
        event = create_event.sync(
            client=olga,
            body=EventInput(
                event_id=EVENT,
                title="Party",
                description="Cake",
                date="2030-05-01",
                location="Roof",
                capacity=1,
                organizer="Olga",
                waitlist_enabled=True,  # the former name, without a default of the other beside it
            ),
        )
        assert isinstance(event, Event)
        assert event.has_waitlist
        assert event.available_seats == 1
        assert event.created_at < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
        # Ada and Bob leave out their ids, which are in their tokens; Olga creates Cyd, and registers him below.
        assert created(ada, UserInput(name="Ada")) == ADA
        assert created(bob, UserInput(name="Bob")) == BOB
        assert created(olga, UserInput(name="Cyd", user_id=CYD)) == CYD

        assert register(ada, EventRegistrationInput()) == (RegistrationStatus.CONFIRMED, None)
        assert register(bob, EventRegistrationInput(user_id=BOB), "bob-1") == (RegistrationStatus.WAITLISTED, 1)
        # Sent again with the same key, as if the answer had been lost, it finds what it made.
        assert register(bob, EventRegistrationInput(user_id=BOB), "bob-1") == (RegistrationStatus.WAITLISTED, 1)
        assert register(olga, EventRegistrationInput(user_id=CYD)) == (RegistrationStatus.WAITLISTED, 2)

        refusal = register_user.sync(EVENT, client=ada, body=EventRegistrationInput())
        assert isinstance(refusal, Problem)
        assert refusal.type_ == "urn:problem-type:events-api:already-registered"
        assert isinstance(refusal.registration, Registration)
        assert refusal.registration.status is RegistrationStatus.CONFIRMED

        mistake = list_events.sync(client=nobody, cursor="nonsense")
        assert isinstance(mistake, Problem)
        assert mistake.type_ == "urn:problem-type:events-api:invalid-request"
        assert not isinstance(mistake.errors, Unset)
        assert [error.parameter for error in mistake.errors] == ["cursor"]

        # Its type refuses a client without a token, and so does the service.
        unknown = get_user.sync_detailed(ADA, client=nobody)  # type: ignore[arg-type]
        assert isinstance(unknown.parsed, Problem)
        assert (unknown.status_code, unknown.parsed.type_, unknown.parsed.status) == (401, "about:blank", 401)
        assert unknown.headers["WWW-Authenticate"].startswith("Bearer")
        forbidden = get_registration.sync(EVENT, ADA, client=bob)
        assert isinstance(forbidden, Problem)
        assert (forbidden.type_, forbidden.status) == ("about:blank", 403)

        # This generator types an answer without a body as Any.
        assert unregister_user.sync_detailed(EVENT, ADA, client=ada).status_code == 204  # type: ignore[misc]
        promoted = get_registration.sync(EVENT, BOB, client=bob)
        assert isinstance(promoted, Registration)
        assert promoted.status is RegistrationStatus.CONFIRMED
        assert isinstance(promoted.promoted_at, dt.datetime)

        assert registered(olga) == [BOB, CYD]
        door = list_event_registrations.sync(EVENT, client=olga, expand=ListEventRegistrationsExpand.USER)
        assert isinstance(door, RegistrationPage)
        assert [isinstance(entry.user, UserSummary) and entry.user.name for entry in door.registrations] == [
            "Bob",
            "Cyd",
        ]
        assert EVENT in event_ids(nobody)
        mine = list_user_registrations.sync(CYD, client=cyd)
        assert isinstance(mine, UserRegistrationPage)
        assert [(entry.event.title, entry.waitlist_position) for entry in mine.registrations] == [("Party", 1)]

        assert delete_user.sync_detailed(ADA, client=ada).status_code == 204  # type: ignore[misc]
        assert get_user.sync_detailed(ADA, client=ada).status_code == 404


def use_later_version(url: str) -> None:
    """Read from a later version of the service, with fields and a problem type that this client does not know."""
    with caller(url, "CYD_TOKEN") as client:
        event = get_event.sync(EVENT, client=client)
        assert isinstance(event, Event)
        assert event.title == "Party"
        page = list_user_registrations.sync(CYD, client=client)
        assert isinstance(page, UserRegistrationPage)
        assert [entry.event.event_id for entry in page.registrations] == [EVENT]
        refusal = get_event.sync("nothing", client=client)
        assert isinstance(refusal, Problem)
        assert (refusal.type_, refusal.status) == ("https://example.com/problems#of-a-later-version", 404)


def call_off(url: str) -> None:
    """Delete the event with its registrations, as the organizer."""
    with caller(url, "OLGA_TOKEN") as olga, caller(url, "CYD_TOKEN") as cyd:
        # This generator types an answer without a body as Any.
        refusal: object = delete_event.sync(EVENT, client=olga)
        assert isinstance(refusal, Problem)
        assert refusal.type_ == "urn:problem-type:events-api:event-has-registrations"
        assert delete_event.sync_detailed(EVENT, client=olga, with_registrations=True).status_code == 204  # type: ignore[misc]
        page = list_user_registrations.sync(CYD, client=cyd)
        assert isinstance(page, UserRegistrationPage)
        assert page.registrations == []


def caller(url: str, variable: str) -> AuthenticatedClient:
    """Return the client of a person, whose token is in the environment."""
    return AuthenticatedClient(base_url=url, token=os.environ[variable], raise_on_unexpected_status=True)


def created(client: AuthenticatedClient, body: UserInput) -> str:
    user = create_user.sync(client=client, body=body)
    assert isinstance(user, User)
    return user.user_id


def register(
    client: AuthenticatedClient, body: EventRegistrationInput, key: str | Unset = UNSET
) -> tuple[RegistrationStatus, int | None]:
    registration = register_user.sync(EVENT, client=client, body=body, idempotency_key=key)
    assert isinstance(registration, Registration)
    position = registration.waitlist_position
    return registration.status, None if isinstance(position, Unset) else position


def registered(client: AuthenticatedClient) -> list[str]:
    """Return the ids of the registered users, from all pages."""
    found: list[str] = []
    page = list_event_registrations.sync(EVENT, client=client, limit=1)
    while True:
        assert isinstance(page, RegistrationPage)
        found += [registration.user_id for registration in page.registrations]
        if isinstance(page.next_cursor, Unset):
            return found
        page = list_event_registrations.sync(EVENT, client=client, limit=1, cursor=page.next_cursor)


def event_ids(client: Client) -> list[str]:
    """Return the ids of the events, from all pages."""
    found: list[str] = []
    page = list_events.sync(client=client, limit=1)
    while True:
        assert isinstance(page, EventPage)
        found += [event.event_id for event in page.events]
        if isinstance(page.next_cursor, Unset):
            return found
        page = list_events.sync(client=client, limit=1, cursor=page.next_cursor)


if __name__ == "__main__":
    main(sys.argv[1])
    use_later_version(sys.argv[2])
    call_off(sys.argv[1])
