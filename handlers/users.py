"""Operations on users."""

from handlers.access.caller import Caller
from handlers.access.refusals import NotAdministrator
from handlers.bodies import Headers, user_body
from handlers.models import answers, given
from handlers.models.requests import CreateUserParameters, DeleteUserParameters, GetUserParameters, UserInput
from storage import user_deletion, users
from storage.dynamodb.tables import Tables


def create_user(
    parameters: CreateUserParameters, body: UserInput, *, caller: Caller, tables: Tables
) -> tuple[answers.User, int, Headers]:
    own_id = None if caller.organizer else caller.user_id
    key = caller.key(given(parameters.idempotency_key))
    user = users.create(tables, given(body.user_id) or own_id, body.name, key)
    return user_body(user), 201, {"Location": f"users/{user.user_id}"}


def get_user(parameters: GetUserParameters, *, tables: Tables) -> answers.User:
    return user_body(users.get(tables, parameters.user_id))


def delete_user(parameters: DeleteUserParameters, *, caller: Caller, tables: Tables) -> tuple[None, int]:
    if caller.owner(parameters.user_id) is not None:
        raise NotAdministrator
    user_deletion.delete(tables, parameters.user_id)
    return None, 204
