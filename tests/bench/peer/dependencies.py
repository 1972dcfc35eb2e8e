"""Dependencies: `async def`, as FastAPI advises for code that does not block, because `def` takes a thread."""

from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Path

from .database import get_dynamodb
from .event_repository import EventRepository
from .models import Id
from .registration_repository import RegistrationRepository
from .user_repository import UserRepository


@lru_cache
def _event_repository() -> EventRepository:
    return EventRepository(get_dynamodb())


@lru_cache
def _registration_repository() -> RegistrationRepository:
    return RegistrationRepository(get_dynamodb())


@lru_cache
def _user_repository() -> UserRepository:
    return UserRepository(get_dynamodb())


async def event_repository() -> EventRepository:
    return _event_repository()


async def registration_repository() -> RegistrationRepository:
    return _registration_repository()


async def user_repository() -> UserRepository:
    return _user_repository()


Events = Annotated[EventRepository, Depends(event_repository)]
Registrations = Annotated[RegistrationRepository, Depends(registration_repository)]
Users = Annotated[UserRepository, Depends(user_repository)]

EventId = Annotated[Id, Path(alias="eventId")]
UserId = Annotated[Id, Path(alias="userId")]
