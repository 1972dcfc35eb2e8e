"""Operations on registrations, below `/registrations`, `/events/{eventId}` and `/users/{userId}`."""

from typing import cast

from pydantic import MISSING

from handlers.access.caller import Caller
from handlers.bodies import Headers, event_summary_body, page_answer, registration_body, user_summary_body
from handlers.models import answers, given
from handlers.models.requests import (
    CreateRegistrationParameters,
    DeleteRegistrationParameters,
    EventRegistrationInput,
    GetRegistrationParameters,
    ListEventRegistrationsParameters,
    ListUserRegistrationsParameters,
    RegisterUserParameters,
    RegistrationInput,
    UnregisterUserParameters,
)
from handlers.pipeline.field_errors import body_error
from handlers.pipeline.writers import Writers
from handlers.request_errors import InvalidRequest
from storage import registration_lists, registrations, users
from storage.dynamodb.tables import Tables
from storage.model import Registration, User


async def register_user(
    parameters: RegisterUserParameters, body: EventRegistrationInput, *, caller: Caller, writers: Writers
) -> tuple[answers.Registration, int, Headers]:
    registration = await _register(parameters.event_id, body, parameters.idempotency_key, caller, writers)
    return registration_body(registration), 201, {"Location": f"registrations/{registration.user_id}"}


async def create_registration(
    parameters: CreateRegistrationParameters, body: RegistrationInput, *, caller: Caller, writers: Writers
) -> tuple[answers.Registration, int, Headers]:
    registration = await _register(body.event_id, body, parameters.idempotency_key, caller, writers)
    location = f"events/{registration.event_id}/registrations/{registration.user_id}"
    return registration_body(registration), 201, {"Location": location}


async def _register(
    event_id: str,
    body: EventRegistrationInput | RegistrationInput,
    idempotency_key: str | MISSING,
    caller: Caller,
    writers: Writers,
) -> Registration:
    """Register the user that the body names, or the one that the token names.

    Raises:
        InvalidRequest: Neither of them does, as this service ignores tokens.

    """
    user_id = given(body.user_id) or caller.user_id
    if user_id is None:
        raise InvalidRequest([body_error("/userId", "Is required, as this service ignores tokens.")])
    key = caller.key(given(idempotency_key))
    return await writers.register(event_id, user_id, owner=caller.owner(user_id), key=key)


def get_registration(parameters: GetRegistrationParameters, *, caller: Caller, tables: Tables) -> answers.Registration:
    owner = caller.owner(parameters.user_id)
    return registration_body(registrations.get(tables, parameters.event_id, parameters.user_id, owner))


async def unregister_user(
    parameters: UnregisterUserParameters, *, caller: Caller, writers: Writers
) -> tuple[None, int]:
    await writers.unregister(parameters.event_id, parameters.user_id, owner=caller.owner(parameters.user_id))
    return None, 204


async def delete_registration(
    parameters: DeleteRegistrationParameters, *, caller: Caller, writers: Writers
) -> tuple[None, int]:
    await writers.unregister(parameters.event_id, parameters.user_id, owner=caller.owner(parameters.user_id))
    return None, 204


def list_event_registrations(
    parameters: ListEventRegistrationsParameters, *, caller: Caller, tables: Tables
) -> tuple[answers.RegistrationPage, int, Headers]:
    page = registration_lists.of_event(
        tables,
        parameters.event_id,
        status=given(parameters.status),
        limit=parameters.limit,
        cursor=given(parameters.cursor),
        owner=caller.owner(),
    )
    expanded = [registration.user_id for registration in page.entries] if given(parameters.expand) else []
    people = users.get_all(tables, expanded)
    entries = [_with_user(registration, people.get(registration.user_id)) for registration in page.entries]
    return page_answer(answers.RegistrationPage(registrations=entries), page, parameters)


def _with_user(registration: Registration, user: User | None) -> answers.EventRegistration:
    body = registration_body(registration)
    # Its type lacks only the property that need not be there.
    return {**body, "user": user_summary_body(user)} if user else cast("answers.EventRegistration", body)


def list_user_registrations(
    parameters: ListUserRegistrationsParameters, *, caller: Caller, tables: Tables
) -> tuple[answers.UserRegistrationPage, int, Headers]:
    page = registration_lists.of_user(
        tables,
        parameters.user_id,
        limit=parameters.limit,
        cursor=given(parameters.cursor),
        owner=caller.owner(parameters.user_id),
    )
    entries: list[answers.UserRegistration] = [
        {**registration_body(registration), "event": event_summary_body(event)} for registration, event in page.entries
    ]
    return page_answer(answers.UserRegistrationPage(registrations=entries), page, parameters)
