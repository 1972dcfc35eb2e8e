"""The check of answers accepts what was true at some moment of a call, and nothing else."""

from dataclasses import asdict

import pytest

from storage.dynamodb.attributes import marshal
from storage.items import details_item
from storage.model import Event, Registration
from tests.simulation.answers import check_answer
from tests.simulation.clients import Call, Request, fields
from tests.simulation.dynamodb import LAG
from tests.simulation.timeline import Commit, State, Timeline, ViolationError

SEATS = {"status": {"S": "active"}, "capacity": {"N": "1"}}
FULL = State(seats=SEATS, people={"a": None, "c": 0}, places={0: "c"})
WAITING = State(seats=SEATS, people={"a": None, "c": 0, "b": 1}, places={0: "c", 1: "b"})
FREE = State(seats=SEATS)
ADMITTED = State(seats=SEATS, people={"b": None})


@pytest.fixture
def registered_twice() -> tuple[Call, Timeline]:
    """Make a call that gives a place, and whose late copy gives a seat after everybody has left."""
    timeline = Timeline(states={"e": [(1, FULL), (2, WAITING), (3, FULL), (4, FREE), (5, ADMITTED)]})
    call = Call("c", Request("register", "e", "b"), since=1, until=5, over=True, overtaken=True)
    call.commits = [Commit("e", 2, call, FULL, WAITING), Commit("e", 5, call, FREE, ADMITTED)]
    return call, timeline


def waits(position: int) -> Registration:
    return Registration(event_id="e", user_id="b", status="waitlisted", registered_at="", position=position)


def test_a_user_whom_a_late_copy_registers_again_may_be_told_the_first_place(
    registered_twice: tuple[Call, Timeline],
) -> None:
    call, timeline = registered_twice
    call.outcome = waits(2)
    check_answer(call, timeline)


@pytest.mark.parametrize("position", [1, 3])
def test_a_place_that_no_copy_gave_is_a_violation(registered_twice: tuple[Call, Timeline], position: int) -> None:
    call, timeline = registered_twice
    call.outcome = waits(position)
    with pytest.raises(ViolationError, match="never true"):
        check_answer(call, timeline)


@pytest.mark.parametrize(
    ("queues", "accepted"),
    [
        (["abcd", "abc"], {1, 2, 3}),
        (["abcd", "abc", "ab"], {1, 2, 3, 4}),
        (["abc", "abcd"], {2}),
        (["abc", "bc"], {1, 2}),
    ],
    ids=["one behind left", "two behind left", "one behind came", "one ahead left"],
)
def test_the_position_of_b_in_a_users_list_may_be_off_by_the_people_behind_who_left(
    queues: list[str], accepted: set[int]
) -> None:
    """Each letter has its number in the alphabet. `user_positions` says why."""
    event = Event(**asdict(fields({"capacity": 1})), event_id="e", version="1", created_at="", updated_at="")
    timeline = Timeline(states={"e": [(moment, queued(event, queue)) for moment, queue in enumerate(queues)]})
    call = Call("c", Request("list user", "e", "b"), since=LAG, until=LAG, over=True)

    def accepts(position: int) -> bool:
        call.outcome = [(waits(position), event)]
        try:
            check_answer(call, timeline)
        except ViolationError:
            return False
        return True

    assert set(filter(accepts, range(-1, 8))) == accepted


def queued(event: Event, queue: str) -> State:
    places = {ord(user) - ord("a"): user for user in queue}
    people = {user: seq for seq, user in places.items()}
    return State(details=marshal(details_item(event)), seats=SEATS, people=people, places=places)
