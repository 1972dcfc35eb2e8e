"""Users in the store."""

import pytest

from storage import users
from storage.errors import UserExists, UserNotFound
from storage.tables import Tables
from tests.rival import rival


def test_a_user_is_returned_as_it_was_created(tables: Tables) -> None:
    user = users.create(tables, "ada@example.com", "Ada \U0001f680")
    assert users.get(tables, "ada@example.com") == user
    assert user.name == "Ada \U0001f680"


def test_without_an_id_each_user_gets_one_of_its_own(tables: Tables) -> None:
    assert users.create(tables, None, "A").user_id != users.create(tables, None, "A").user_id


def test_of_two_users_with_one_id_the_first_stays(tables: Tables) -> None:
    with rival(tables, lambda: users.create(tables, "a", "First")), pytest.raises(UserExists):
        users.create(tables, "a", "Second")
    assert users.get(tables, "a").name == "First"


def test_who_does_not_exist_is_not_found(tables: Tables) -> None:
    with pytest.raises(UserNotFound):
        users.get(tables, "nobody")
