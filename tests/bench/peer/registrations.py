"""Path operations on registrations, in both families of paths."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from .dependencies import EventId, Registrations, UserId
from .models import EventRegistrationInput, Registration, RegistrationInput, RegistrationPage, RegistrationQuery

router = APIRouter(tags=["registrations"])


@router.get("/events/{eventId}/registrations", response_model_exclude_none=True)
def list_event_registrations(
    event_id: EventId, query: Annotated[RegistrationQuery, Query()], registrations: Registrations
) -> RegistrationPage:
    return registrations.of_event(event_id, query)


@router.post("/events/{eventId}/registrations", status_code=201, response_model_exclude_none=True)
def register_user(
    event_id: EventId, body: EventRegistrationInput, registrations: Registrations, response: Response
) -> Registration:
    registration = registrations.register(event_id, body.user_id)
    response.headers["Location"] = f"registrations/{registration.user_id}"
    return registration


@router.get("/events/{eventId}/registrations/{userId}", response_model_exclude_none=True)
def get_registration(event_id: EventId, user_id: UserId, registrations: Registrations) -> Registration:
    return registrations.get(event_id, user_id)


@router.delete("/events/{eventId}/registrations/{userId}", status_code=204)
def unregister_user(event_id: EventId, user_id: UserId, registrations: Registrations) -> None:
    registrations.unregister(event_id, user_id)


@router.post("/registrations", status_code=201, response_model_exclude_none=True)
def create_registration(body: RegistrationInput, registrations: Registrations, response: Response) -> Registration:
    registration = registrations.register(body.event_id, body.user_id)
    response.headers["Location"] = f"events/{registration.event_id}/registrations/{registration.user_id}"
    return registration


@router.delete("/registrations/{userId}/{eventId}", status_code=204)
def delete_registration(user_id: UserId, event_id: EventId, registrations: Registrations) -> None:
    registrations.unregister(event_id, user_id)
