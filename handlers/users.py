"""Operations on users."""

from handlers.bodies import Body, user_body
from storage import users
from storage.tables import Tables


def create_user(body: Body, *, store: Tables) -> tuple[Body, int, dict[str, str]]:
    user = users.create(store, body.get("userId"), body["name"])
    return user_body(user), 201, {"Location": f"users/{user.user_id}"}


def get_user(user_id: str, *, store: Tables) -> Body:
    return user_body(users.get(store, user_id))
