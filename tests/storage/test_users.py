"""Users in the store."""

import pytest

from storage import users
from storage.dynamodb.tables import Tables
from storage.errors import UserExists, UserNotFound
from tests.apparatus.rival import rival


def test_a_user_is_returned_as_it_was_created(moto_tables: Tables) -> None:
    user = users.create(moto_tables, "ada@example.com", "Ada \U0001f680")
    assert users.get(moto_tables, "ada@example.com") == user
    assert user.name == "Ada \U0001f680"


def test_without_an_id_each_user_gets_a_unique_one(moto_tables: Tables) -> None:
    assert users.create(moto_tables, None, "A").user_id != users.create(moto_tables, None, "A").user_id


def test_of_two_users_with_one_id_the_first_stays(moto_tables: Tables) -> None:
    with rival(moto_tables, lambda: users.create(moto_tables, "a", "First")), pytest.raises(UserExists):
        users.create(moto_tables, "a", "Second")
    assert users.get(moto_tables, "a").name == "First"


def test_a_user_that_does_not_exist_is_not_found(moto_tables: Tables) -> None:
    with pytest.raises(UserNotFound):
        users.get(moto_tables, "nobody")
