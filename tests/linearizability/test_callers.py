"""The checker accepts a refusal where the caller may not make the request, and nowhere else.

ann is confirmed for an event with one seat.
"""

from dataclasses import replace

import pytest

from tests.linearizability.checker import History, Operation, check, smallest
from tests.linearizability.model import Answer
from tests.linearizability.state import Call, Caller, State

REGISTERED = State(capacity=1, confirmed=frozenset({"ann"}))
FULL = Answer(201, {"status": "waitlisted", "waitlistPosition": 1})
LEFT = Answer(204)
CHANGED = {"capacity": 1, "hasWaitlist": True, "status": "active", "confirmedCount": 1, "waitlistCount": 0}

#: Every kind of request with an answer that is right for those who may make it.
ANSWERS = {
    "register": (Call("register", "bob"), FULL),
    "unregister": (Call("unregister", "ann"), LEFT),
    "update": (Call("update", fields={"capacity": 1}), Answer(200, CHANGED)),
    "get registration": (Call("get registration", "ann"), Answer(200, {"userId": "ann", "status": "confirmed"})),
    "list registrations": (
        Call("list registrations"),
        Answer(200, {"registrations": [{"userId": "ann", "status": "confirmed"}]}),
    ),
}
MAY: list[Caller] = ["anybody", "person", "organizer", "admin"]
MAY_NOT: dict[Caller, int] = {"another person": 403, "another organizer": 403, "nobody": 401}


def explained(*operations: Operation) -> bool:
    history: History = operations
    return check(REGISTERED, history).explained


def done(call: Call, answer: Answer | None, start: float = 0) -> Operation:
    return Operation(0, call, start, start + 1, answer)


@pytest.mark.parametrize(("call", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_those_who_may_are_answered(call: Call, answer: Answer) -> None:
    for caller in MAY:
        assert explained(done(replace(call, caller=caller), answer))
        assert not explained(done(replace(call, caller=caller), Answer(401)))
        assert not explained(done(replace(call, caller=caller), Answer(403)))


@pytest.mark.parametrize(("call", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_the_others_are_refused(call: Call, answer: Answer) -> None:
    for caller, status in MAY_NOT.items():
        asked = replace(call, caller=caller)
        assert explained(done(asked, Answer(status)))
        assert explained(done(asked, Answer(503)), done(asked, Answer(status), 2))
        assert not explained(done(asked, answer))
        assert not explained(done(asked, Answer({401: 403, 403: 401}[status])))
        assert not explained(done(asked, Answer(404, {"type": "urn:problem-type:events-api:registration-not-found"})))


def test_only_the_person_and_an_administrator_may_delete_a_user() -> None:
    for caller in (*MAY, *MAY_NOT):
        deletion = done(Call("delete user", "ann", caller=caller), LEFT)
        assert explained(deletion) == (caller in {"anybody", "person", "admin"})
        assert explained(replace(deletion, answer=Answer(403))) == (caller in {*MAY_NOT, "organizer"} - {"nobody"})


def test_a_refused_request_never_takes_effect_even_if_its_answer_was_lost() -> None:
    left = Call("get registration", "ann"), Answer(404, {"type": "urn:problem-type:events-api:registration-not-found"})
    lost = Operation(1, Call("unregister", "ann"), 0)
    assert explained(lost, done(*left, start=2))
    for caller in MAY_NOT:
        assert not explained(replace(lost, call=replace(lost.call, caller=caller)), done(*left, start=2))


def test_an_answer_that_is_never_right_is_shown_alone() -> None:
    first = done(*ANSWERS["register"])
    wrong = done(replace(ANSWERS["unregister"][0], caller="another organizer"), LEFT, 2)
    assert smallest(REGISTERED, [first, wrong]) == [wrong]


@pytest.mark.parametrize("name", ["register", "get registration"])
def test_an_answer_about_another_user_is_wrong(name: str) -> None:
    already = {"type": "urn:problem-type:events-api:already-registered"}
    shown = {user: {"userId": user, "status": "confirmed"} for user in ("ann", "bob")}
    if name == "register":
        answers = {user: Answer(409, already | {"registration": shown[user]}) for user in shown}
        call = Call("register", "ann")
    else:
        answers = {user: Answer(200, shown[user]) for user in shown}
        call = Call("get registration", "ann")
    assert explained(done(call, answers["ann"]))
    assert not explained(done(call, answers["bob"]))
