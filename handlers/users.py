"""Operations on users."""

from handlers.bodies import Body, user_body
from storage import users
from storage.dynamodb.tables import Tables


def create_user(body: Body, *, tables: Tables) -> tuple[Body, int, dict[str, str]]:
    user = users.create(tables, body.get("userId"), body["name"])
    return user_body(user), 201, {"Location": f"users/{user.user_id}"}


def get_user(user_id: str, *, tables: Tables) -> Body:
    return user_body(users.get(tables, user_id))
