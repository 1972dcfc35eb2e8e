"""The story, with the Python client that openapi-generator generates."""

import os
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
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)

EVENT, ADA, BOB, CYD = (f"openapi_generator-{name}" for name in ("party", "ada", "bob", "cyd"))


def main(url: str) -> None:
    """Fill an event, join its queue, unregister, and check the promotion, as an organizer, three people and nobody."""
    with (
        caller(url, "OLGA_TOKEN") as olga,
        caller(url, "ADA_TOKEN") as ada,
        caller(url, "BOB_TOKEN") as bob,
        caller(url, "CYD_TOKEN") as cyd,
        ApiClient(Configuration(host=url)) as nobody,
    ):
        event = EventsApi(olga).create_event(
            EventInput(
                eventId=EVENT,
                title="Party",
                description="Cake",
                date="2030-05-01",
                location="Roof",
                capacity=1,
                organizer="Olga",
                hasWaitlist=True,
            )
        )
        assert event.available_seats == 1
        # Ada and Bob leave out their ids, which are in their tokens; Olga creates Cyd, and registers him below.
        assert UsersApi(ada).create_user(UserInput(name="Ada")).user_id == ADA
        assert UsersApi(bob).create_user(UserInput(name="Bob")).user_id == BOB
        assert UsersApi(olga).create_user(UserInput(name="Cyd", userId=CYD)).user_id == CYD

        assert register(ada, EventRegistrationInput()) == (RegistrationStatus.CONFIRMED, None)
        assert register(bob, EventRegistrationInput(userId=BOB), "bob-1") == (RegistrationStatus.WAITLISTED, 1)
        # Sent again with the same key, as if the answer had been lost, it finds what it made.
        assert register(bob, EventRegistrationInput(userId=BOB), "bob-1") == (RegistrationStatus.WAITLISTED, 1)
        assert register(olga, EventRegistrationInput(userId=CYD)) == (RegistrationStatus.WAITLISTED, 2)

        try:
            register(ada, EventRegistrationInput())
            raise AssertionError
        except ConflictException as error:
            refusal = problem(error)
        assert refusal.type == "urn:problem-type:events-api:already-registered"
        assert refusal.registration is not None
        assert refusal.registration.status is RegistrationStatus.CONFIRMED

        try:
            EventsApi(nobody).list_events(cursor="nonsense")
            raise AssertionError
        except UnprocessableEntityException as error:
            mistake = problem(error)
        assert mistake.type == "urn:problem-type:events-api:invalid-request"
        assert mistake.errors is not None
        assert [error.parameter for error in mistake.errors] == ["cursor"]

        try:
            UsersApi(nobody).get_user(ADA)
            raise AssertionError
        except UnauthorizedException as error:
            unknown = problem(error)
        assert (unknown.type, unknown.status) == ("about:blank", 401)
        try:
            RegistrationsApi(bob).get_registration(EVENT, ADA)
            raise AssertionError
        except ForbiddenException as error:
            forbidden = problem(error)
        assert (forbidden.type, forbidden.status) == ("about:blank", 403)

        RegistrationsApi(ada).unregister_user(EVENT, ADA)
        promoted = RegistrationsApi(bob).get_registration(EVENT, BOB)
        assert promoted.status is RegistrationStatus.CONFIRMED
        assert promoted.promoted_at is not None

        assert registered(RegistrationsApi(olga)) == [BOB, CYD]
        door = RegistrationsApi(olga).list_event_registrations(EVENT, expand="user")
        assert [entry.user and entry.user.name for entry in door.registrations] == ["Bob", "Cyd"]
        assert EVENT in event_ids(EventsApi(nobody))
        mine = RegistrationsApi(cyd).list_user_registrations(CYD)
        assert [(entry.event.title, entry.waitlist_position) for entry in mine.registrations] == [("Party", 1)]

        leave(UsersApi(ada))


def use_later_version(url: str) -> None:
    """Read from a later version of the service, with fields and a problem type that this client does not know."""
    with caller(url, "CYD_TOKEN") as client:
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


def call_off(url: str) -> None:
    """Delete the event with its registrations, as the organizer."""
    with caller(url, "OLGA_TOKEN") as olga, caller(url, "CYD_TOKEN") as cyd:
        try:
            EventsApi(olga).delete_event(EVENT)
            raise AssertionError
        except ConflictException as error:
            refusal = problem(error)
        assert refusal.type == "urn:problem-type:events-api:event-has-registrations"
        EventsApi(olga).delete_event(EVENT, with_registrations=True)
        assert RegistrationsApi(cyd).list_user_registrations(CYD).registrations == []


def caller(url: str, variable: str) -> ApiClient:
    """Return the client of a person, whose token is in the environment."""
    return ApiClient(Configuration(host=url, access_token=os.environ[variable]))


def register(
    client: ApiClient, user: EventRegistrationInput, key: str | None = None
) -> tuple[RegistrationStatus, int | None]:
    registration = RegistrationsApi(client).register_user(EVENT, user, idempotency_key=key)
    return registration.status, registration.waitlist_position


def leave(users: UsersApi) -> None:
    """Leave for good, as Ada."""
    users.delete_user(ADA)
    try:
        users.get_user(ADA)
        raise AssertionError
    except NotFoundException as error:
        gone = problem(error)
    assert gone.status == 404


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
    call_off(sys.argv[1])
