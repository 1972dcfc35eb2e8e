"""The story, with the Python client that openapi-generator generates."""

import sys

from events_api_openapi import (
    ApiClient,
    Configuration,
    EventInput,
    EventRegistrationInput,
    EventsApi,
    Problem,
    RegistrationsApi,
    RegistrationStatus,
    UserInput,
    UsersApi,
)
from events_api_openapi.exceptions import (
    ApiException,
    ConflictException,
    NotFoundException,
    UnprocessableEntityException,
)

EVENT, ADA, BOB, CYD = (f"generator-{name}" for name in ("party", "ada", "bob", "cyd"))


def main(url: str) -> None:
    """Fill an event, join its queue, unregister, and check the promotion."""
    with ApiClient(Configuration(host=url)) as client:
        events, users, registrations = EventsApi(client), UsersApi(client), RegistrationsApi(client)
        event = events.create_event(
            EventInput(
                eventId=EVENT,
                title="Party",
                description="Cake",
                date="2030-05-01",
                location="Roof",
                capacity=1,
                organizer="Ada",
                hasWaitlist=True,
            )
        )
        assert event.available_seats == 1
        for user_id in (ADA, BOB, CYD):
            assert users.create_user(UserInput(userId=user_id, name="Somebody")).user_id == user_id

        assert register(registrations, ADA) == (RegistrationStatus.CONFIRMED, None)
        assert register(registrations, BOB) == (RegistrationStatus.WAITLISTED, 1)
        assert register(registrations, CYD) == (RegistrationStatus.WAITLISTED, 2)

        try:
            register(registrations, ADA)
            raise AssertionError
        except ConflictException as error:
            refusal = problem(error)
        assert refusal.type == "urn:problem-type:events-api:already-registered"
        assert refusal.registration is not None
        assert refusal.registration.status is RegistrationStatus.CONFIRMED

        try:
            events.list_events(cursor="nonsense")
            raise AssertionError
        except UnprocessableEntityException as error:
            mistake = problem(error)
        assert mistake.type == "urn:problem-type:events-api:invalid-request"
        assert mistake.errors is not None
        assert [error.parameter for error in mistake.errors] == ["cursor"]

        registrations.unregister_user(EVENT, ADA)
        assert registrations.get_registration(EVENT, BOB).status is RegistrationStatus.CONFIRMED

        assert registered(registrations) == [BOB, CYD]
        assert EVENT in event_ids(events)
        mine = registrations.list_user_registrations(CYD)
        assert [(entry.event.title, entry.waitlist_position) for entry in mine.registrations] == [("Party", 1)]


def use_later_version(url: str) -> None:
    """Read from a later version of the service, with fields and a problem type that this client does not know."""
    with ApiClient(Configuration(host=url)) as client:
        events, registrations = EventsApi(client), RegistrationsApi(client)
        assert events.get_event(EVENT).title == "Party"
        page = registrations.list_user_registrations(CYD)
        assert [entry.event.event_id for entry in page.registrations] == [EVENT]
        try:
            events.get_event("nothing")
            raise AssertionError
        except NotFoundException as error:
            refusal = problem(error)
        assert (refusal.type, refusal.status) == ("https://example.com/problems#of-a-later-version", 404)


def register(registrations: RegistrationsApi, user_id: str) -> tuple[RegistrationStatus, int | None]:
    registration = registrations.register_user(EVENT, EventRegistrationInput(userId=user_id))
    return registration.status, registration.waitlist_position


def problem(error: ApiException) -> Problem:
    """Return the problem of an error: the client parses it as `Problem`, but declares it as Any."""
    assert isinstance(error.data, Problem)
    return error.data


def registered(registrations: RegistrationsApi) -> list[str]:
    """Return the ids of the registered users, from all pages."""
    page = registrations.list_event_registrations(EVENT, limit=1)
    found = [registration.user_id for registration in page.registrations]
    while page.next_cursor is not None:
        page = registrations.list_event_registrations(EVENT, limit=1, cursor=page.next_cursor)
        found += [registration.user_id for registration in page.registrations]
    return found


def event_ids(events: EventsApi) -> list[str]:
    """Return the ids of the events, from all pages."""
    page = events.list_events(limit=1)
    found = [event.event_id for event in page.events]
    while page.next_cursor is not None:
        page = events.list_events(limit=1, cursor=page.next_cursor)
        found += [event.event_id for event in page.events]
    return found


if __name__ == "__main__":
    main(sys.argv[1])
    use_later_version(sys.argv[2])
