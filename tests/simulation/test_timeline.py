"""A late mark of a user who leaves is told from one that meets a new user of the same id."""

from typing import Any

import pytest

from tests.simulation.clients import Call, Request
from tests.simulation.timeline import Timeline, ViolationError

USER = {"userId": {"S": "u"}, "name": {"S": "N"}, "createdAt": {"S": "then"}}
LEAVING = {**USER, "leaving": {"S": "mark"}}


def record(timeline: Timeline, *states: Any, by: Any) -> None:
    for state in states:
        timeline.record(timeline.moment + 1, [(("Users", "u", ""), timeline.user("u"), state)], by)


def call(until: int) -> Call:
    return Call("c", Request("delete user", "", "u"), since=1, until=until, over=True)


def test_a_late_mark_may_follow_other_writes_to_the_same_user() -> None:
    timeline = Timeline()
    record(timeline, USER, {**USER, "recent": {"SS": ["e"]}}, USER, by=call(until=3))
    record(timeline, LEAVING, by=call(until=2))
    assert timeline.user("u") == LEAVING


def test_a_late_mark_of_a_new_user_with_the_same_id_is_detected() -> None:
    timeline = Timeline()
    record(timeline, USER, LEAVING, None, USER, by=call(until=4))
    with pytest.raises(ViolationError, match="ended before the user was created"):
        record(timeline, LEAVING, by=call(until=3))
