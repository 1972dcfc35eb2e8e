"""Operations on registrations, below `/registrations`, `/events/{eventId}` and `/users/{userId}`."""

from handlers.bodies import Headers, event_summary_body, page_answer, registration_body
from handlers.models import answers, given
from handlers.models.requests import (
    DeleteRegistrationParameters,
    EventRegistrationInput,
    GetRegistrationParameters,
    ListEventRegistrationsParameters,
    ListUserRegistrationsParameters,
    RegisterUserParameters,
    RegistrationInput,
    UnregisterUserParameters,
)
from handlers.pipeline.writers import Writers
from storage import registration_lists, registrations
from storage.dynamodb.tables import Tables


async def register_user(
    parameters: RegisterUserParameters, body: EventRegistrationInput, *, writers: Writers
) -> tuple[answers.Registration, int, Headers]:
    registration = await writers.register(parameters.event_id, body.user_id)
    return registration_body(registration), 201, {"Location": f"registrations/{registration.user_id}"}


async def create_registration(
    body: RegistrationInput, *, writers: Writers
) -> tuple[answers.Registration, int, Headers]:
    registration = await writers.register(body.event_id, body.user_id)
    location = f"events/{registration.event_id}/registrations/{registration.user_id}"
    return registration_body(registration), 201, {"Location": location}


def get_registration(parameters: GetRegistrationParameters, *, tables: Tables) -> answers.Registration:
    return registration_body(registrations.get(tables, parameters.event_id, parameters.user_id))


async def unregister_user(parameters: UnregisterUserParameters, *, writers: Writers) -> tuple[None, int]:
    await writers.unregister(parameters.event_id, parameters.user_id)
    return None, 204


async def delete_registration(parameters: DeleteRegistrationParameters, *, writers: Writers) -> tuple[None, int]:
    await writers.unregister(parameters.event_id, parameters.user_id)
    return None, 204


def list_event_registrations(
    parameters: ListEventRegistrationsParameters, *, tables: Tables
) -> tuple[answers.RegistrationPage, int, Headers]:
    page = registration_lists.of_event(
        tables,
        parameters.event_id,
        status=given(parameters.status),
        limit=parameters.limit,
        cursor=given(parameters.cursor),
    )
    entries = [registration_body(registration) for registration in page.entries]
    return page_answer(answers.RegistrationPage(registrations=entries), page, parameters)


def list_user_registrations(
    parameters: ListUserRegistrationsParameters, *, tables: Tables
) -> tuple[answers.UserRegistrationPage, int, Headers]:
    page = registration_lists.of_user(
        tables, parameters.user_id, limit=parameters.limit, cursor=given(parameters.cursor)
    )
    entries: list[answers.UserRegistration] = [
        {**registration_body(registration), "event": event_summary_body(event)} for registration, event in page.entries
    ]
    return page_answer(answers.UserRegistrationPage(registrations=entries), page, parameters)
