"""Path operations on users."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from .dependencies import Registrations
from .models import Id, PageQuery, UserRegistrationPage

router = APIRouter(prefix="/users", tags=["users"])


@router.get("/{userId}/registrations", response_model_exclude_none=True)
def list_user_registrations(
    user_id: Annotated[Id, Path(alias="userId")], query: Annotated[PageQuery, Query()], registrations: Registrations
) -> UserRegistrationPage:
    return registrations.of_user(user_id, query)
