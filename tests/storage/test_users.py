"""Users in the store."""

import pytest

from storage import users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables
from storage.errors import UserExists, UserNotFound
from tests.apparatus.meter import metered
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


def test_a_hundred_users_are_one_call_and_those_that_do_not_exist_are_left_out(moto_tables: Tables) -> None:
    made = {user_id: users.create(moto_tables, user_id, user_id.upper()) for user_id in "abc"}
    with metered(moto_tables) as meter:
        found = users.get_all(moto_tables, [*"abc", *(f"nobody-{number}" for number in range(97))])
    assert found == made
    assert (meter.calls, meter.reads) == ({"BatchGetItem": 1}, 100)
    with metered(moto_tables) as meter:
        assert users.get_all(moto_tables, []) == {}
    assert meter.calls == {}


def test_a_damaged_user_is_left_out_of_a_list(moto_tables: Tables) -> None:
    users.create(moto_tables, "a", "A")
    moto_tables.transact([Step(action="Put", table="Users", item={"userId": "b", "createdAt": "2030-01-01T00:00:00Z"})])
    assert users.get_all(moto_tables, "ab").keys() == {"a"}
