"""What path operations depend on. `async def`, as FastAPI advises where nothing blocks: a `def` would take a thread."""

from functools import lru_cache
from typing import Annotated

from fastapi import Depends

from .database import get_dynamodb
from .event_repository import EventRepository
from .registration_repository import RegistrationRepository


@lru_cache
def _event_repository() -> EventRepository:
    return EventRepository(get_dynamodb())


@lru_cache
def _registration_repository() -> RegistrationRepository:
    return RegistrationRepository(get_dynamodb())


async def event_repository() -> EventRepository:
    return _event_repository()


async def registration_repository() -> RegistrationRepository:
    return _registration_repository()


Events = Annotated[EventRepository, Depends(event_repository)]
Registrations = Annotated[RegistrationRepository, Depends(registration_repository)]
