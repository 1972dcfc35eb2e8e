"""Path operations on users."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from .dependencies import Registrations, UserId, Users
from .models import PageQuery, User, UserInput, UserRegistrationPage

router = APIRouter(prefix="/users", tags=["users"])


@router.post("", status_code=201)
def create_user(body: UserInput, users: Users, response: Response) -> User:
    user = users.create(body)
    response.headers["Location"] = f"users/{user.user_id}"
    return user


@router.get("/{userId}")
def get_user(user_id: UserId, users: Users) -> User:
    return users.get(user_id)


@router.get("/{userId}/registrations", response_model_exclude_none=True)
def list_user_registrations(
    user_id: UserId, query: Annotated[PageQuery, Query()], registrations: Registrations
) -> UserRegistrationPage:
    return registrations.of_user(user_id, query)
