"""The checker accepts histories that the rules allow, and no others: hand-written histories of ann, bob, cat and dan.

Each operation has the times of its invocation and its answer.
"""

import math
from typing import Any

import pytest

from tests.linearizability import checker
from tests.linearizability.checker import History, Operation, TooWideError, check, smallest
from tests.linearizability.model import Answer
from tests.linearizability.state import Call, Name, State

ONE_SEAT = State(capacity=1)
CONFIRMED = Answer(201, {"status": "confirmed"})
GONE = Answer(204)
TYPE = "urn:problem-type:events-api:"
NOT_REGISTERED = Answer(404, {"type": f"{TYPE}registration-not-found"})
FULL = Answer(409, {"type": f"{TYPE}event-full"})
NO_USER = Answer(404, {"type": f"{TYPE}user-not-found"})
BELOW_CONFIRMED = Answer(409, {"type": f"{TYPE}capacity-below-confirmed", "minimum": 1})


def waitlisted(place: int, status: int = 201) -> Answer:
    return Answer(status, {"status": "waitlisted", "waitlistPosition": place})


def already(registration: Answer) -> Answer:
    return Answer(409, {"type": f"{TYPE}already-registered", "registration": registration.body})


def event(confirmed: int, waiting: int, capacity: int = 1, *, status: str = "active") -> Answer:
    counts = {"confirmedCount": confirmed, "waitlistCount": waiting}
    return Answer(200, {"capacity": capacity, "hasWaitlist": True, "status": status, **counts})


def everybody(*users: str, seats: int = 1) -> Answer:
    """Return a list of registrations: the first `seats` users are confirmed, the others wait in this order."""
    people: list[dict[str, Any]] = [
        {"userId": user, **(CONFIRMED if number < seats else waitlisted(number - seats + 1)).body}
        for number, user in enumerate(users)
    ]
    return Answer(200, {"registrations": people})


def done(name: Name, user: str, start: float, end: float, answer: Answer | None, **fields: Any) -> Operation:
    return Operation(0, Call(name, user, fields), start, end, answer)


def erased(start: float, end: float, answer: Answer | None = GONE, user: str = "ann") -> Operation:
    """Return a deletion of a user."""
    return done("delete user", user, start, end, answer)


def keyed(user: str, start: float, end: float, answer: Answer | None, key: str = "k") -> Operation:
    """Return a registration with a key."""
    return Operation(0, Call("register", user, key=key), start, end, answer)


def lost(name: Name, user: str, start: float, **fields: Any) -> Operation:
    return Operation(0, Call(name, user, fields), start)


TWO_IN_LINE = [
    done("register", "ann", 0, 1, CONFIRMED),
    done("register", "bob", 2, 3, waitlisted(1)),
    done("register", "cat", 4, 5, waitlisted(2)),
]

RIGHT: dict[str, History] = {
    "a freed seat goes to the head of the queue": [
        *TWO_IN_LINE,
        done("unregister", "ann", 6, 7, GONE),
        done("list registrations", "", 8, 9, everybody("bob", "cat")),
    ],
    "of two concurrent requests, either may be first": [
        done("register", "ann", 0, 9, waitlisted(1)),
        done("register", "bob", 1, 8, CONFIRMED),
    ],
    "a lost request was applied": [
        lost("register", "ann", 0),
        done("register", "ann", 2, 3, already(CONFIRMED)),
    ],
    "a lost request with a key was applied": [
        keyed("ann", 0, math.inf, None),
        keyed("ann", 2, 3, CONFIRMED),
        keyed("ann", 4, 5, CONFIRMED),
        done("get event", "", 6, 7, event(1, 0)),
    ],
    "a repetition shows the position of now": [
        *TWO_IN_LINE,
        keyed("dan", 6, 7, waitlisted(3)),
        done("unregister", "bob", 8, 9, GONE),
        keyed("dan", 10, 11, waitlisted(2)),
    ],
    "a repetition shows the seat that the person was promoted to": [
        done("register", "ann", 0, 1, CONFIRMED),
        keyed("bob", 2, 3, waitlisted(1)),
        done("unregister", "ann", 4, 5, GONE),
        keyed("bob", 6, 7, CONFIRMED),
    ],
    "a registration that was removed is made again with its key": [
        keyed("ann", 0, 1, CONFIRMED),
        done("unregister", "ann", 2, 3, GONE),
        keyed("ann", 4, 5, CONFIRMED),
        done("get event", "", 6, 7, event(1, 0)),
    ],
    "another key is refused": [keyed("ann", 0, 1, CONFIRMED), keyed("ann", 2, 3, already(CONFIRMED), "other")],
    "a lost request was never applied": [
        lost("register", "ann", 0),
        done("register", "ann", 2, 3, CONFIRMED),
    ],
    "a lost request is applied much later": [
        lost("register", "ann", 0),
        done("get event", "", 2, 3, event(0, 0)),
        done("get event", "", 4, 5, event(1, 0)),
    ],
    "a request answered with 503 may have been applied": [
        done("register", "ann", 0, 1, Answer(503)),
        done("get event", "", 2, 3, event(1, 0)),
    ],
    "a promotion is seen half-way, in order, while the capacity is raised": [
        *TWO_IN_LINE,
        done("update", "", 6, 20, event(3, 0, 3), capacity=3),
        done("get event", "", 7, 8, event(1, 2, 3)),
        done("get event", "", 9, 10, event(2, 1, 3)),
        done("get registration", "cat", 11, 12, waitlisted(1, 200)),
        done("get registration", "bob", 13, 14, Answer(200, {"status": "confirmed"})),
    ],
    "an update is answered with the state after the next one": [
        *TWO_IN_LINE,
        done("update", "", 6, 9, event(3, 0, 4), capacity=3),
        done("update", "", 7, 8, event(3, 0, 4), capacity=4),
    ],
    "a newcomer continues the promotion of an update whose answer was lost": [
        *TWO_IN_LINE,
        lost("update", "", 6, capacity=3),
        done("get event", "", 7, 8, event(2, 1, 3)),
        done("register", "dan", 9, 12, waitlisted(1)),
        done("list registrations", "", 13, 14, everybody("ann", "bob", "cat", "dan", seats=3)),
    ],
    "a person leaves while a promotion is unfinished, and the head gets the seat": [
        *TWO_IN_LINE,
        lost("update", "", 6, capacity=3),
        done("get event", "", 7, 8, event(1, 2, 3)),
        done("unregister", "ann", 9, 10, GONE),
        done("get event", "", 11, 12, event(1, 1, 3)),
    ],
    "the answer to an update shows what another client has changed since": [
        *TWO_IN_LINE,
        done("update", "", 6, 9, event(3, 0, 3), capacity=2),
        done("update", "", 7, 8, event(3, 0, 3), capacity=3),
    ],
    "a position is read while people ahead leave": [
        *TWO_IN_LINE,
        done("get registration", "cat", 6, 9, waitlisted(1, 200)),
        done("unregister", "bob", 7, 8, GONE),
    ],
    "nobody is promoted while the event is closed": [
        *TWO_IN_LINE,
        done("update", "", 6, 7, event(1, 2, status="cancelled"), status="cancelled"),
        done("unregister", "ann", 8, 9, GONE),
        done("get event", "", 10, 11, event(0, 2, status="cancelled")),
        done("register", "ann", 12, 13, Answer(409, {"type": f"{TYPE}event-closed", "eventStatus": "cancelled"})),
        done("update", "", 14, 15, event(1, 1), status="active"),
    ],
}

RIGHT |= {
    "a user leaves for good, and the seat goes to the head of the queue": [
        *TWO_IN_LINE,
        erased(6, 7),
        done("list registrations", "", 8, 9, everybody("bob", "cat")),
        done("register", "ann", 10, 11, NO_USER),
        erased(12, 13, NO_USER),
    ],
    "during the deletion a user can't be registered, and still has a registration": [
        *TWO_IN_LINE,
        erased(6, 20),
        done("register", "ann", 7, 8, NO_USER),
        done("get registration", "ann", 9, 10, Answer(200, {"status": "confirmed"})),
        done("unregister", "ann", 11, 12, GONE),
    ],
    "of two requests both delete a user": [*TWO_IN_LINE, erased(6, 9), erased(7, 8)],
    "a deletion without an answer has only begun, and is repeated": [
        *TWO_IN_LINE,
        erased(6, math.inf, None),
        done("register", "ann", 7, 8, NO_USER),
        done("get registration", "bob", 9, 10, waitlisted(1, 200)),
        erased(11, 12),
        done("get registration", "bob", 13, 14, Answer(200, {"status": "confirmed"})),
    ],
    "a deletion that has failed with 503 is complete": [*TWO_IN_LINE, erased(6, 7, Answer(503)), erased(8, 9, NO_USER)],
}

WRONG: dict[str, History] = {
    "a deleted user keeps a registration": [
        *TWO_IN_LINE,
        erased(6, 7),
        done("list registrations", "", 8, 9, everybody("ann", "bob", "cat")),
    ],
    "a seat of a deleted user goes to nobody": [*TWO_IN_LINE, erased(6, 7), done("get event", "", 8, 9, event(0, 2))],
    "a deleted user is registered": [erased(0, 1), done("register", "ann", 2, 3, CONFIRMED)],
    "a user who is leaving is registered": [
        lost("delete user", "ann", 0),
        done("register", "ann", 1, 2, NO_USER),
        done("register", "ann", 3, 4, CONFIRMED),
    ],
    "a user who exists is not found": [done("register", "ann", 0, 1, NO_USER)],
    "a deletion is repeated, and ends again": [erased(0, 1), erased(2, 3)],
    "a deletion of a user who is registered has nothing to do": [*TWO_IN_LINE, erased(6, 7, NO_USER)],
    "a deletion that has only begun is taken for done": [
        *TWO_IN_LINE,
        erased(6, math.inf, None),
        erased(7, 8, NO_USER),
        done("get registration", "ann", 9, 10, Answer(200, {"status": "confirmed"})),
    ],
    "the repetition of a registration with a key is answered after the user has left": [
        keyed("ann", 0, 1, CONFIRMED),
        erased(2, 3),
        keyed("ann", 4, 5, CONFIRMED),
    ],
    "a repetition is refused because of what it did itself": [
        keyed("ann", 0, math.inf, None),
        keyed("ann", 2, 3, CONFIRMED),
        keyed("ann", 4, 5, already(CONFIRMED)),
    ],
    "another key is accepted": [keyed("ann", 0, 1, CONFIRMED), keyed("ann", 2, 3, CONFIRMED, "other")],
    "a key is accepted for a registration that was made without one": [
        done("register", "ann", 0, 1, CONFIRMED),
        keyed("ann", 2, 3, CONFIRMED),
    ],
    "a repetition joins again": [
        *TWO_IN_LINE,
        keyed("dan", 6, 7, waitlisted(3)),
        keyed("dan", 8, 9, waitlisted(4)),
    ],
    "one seat is given to two people": [
        done("register", "ann", 0, 5, CONFIRMED),
        done("register", "bob", 1, 4, CONFIRMED),
    ],
    "one seat is given to two people, and one answer is lost": [
        lost("register", "ann", 0),
        done("register", "ann", 1, 2, already(CONFIRMED)),
        done("register", "bob", 3, 4, CONFIRMED),
    ],
    "the second in the queue is promoted before the first": [
        *TWO_IN_LINE,
        done("unregister", "ann", 6, 7, GONE),
        done("get registration", "cat", 8, 9, Answer(200, {"status": "confirmed"})),
    ],
    "a newcomer takes a seat that is owed to the queue": [
        *TWO_IN_LINE,
        lost("update", "", 6, capacity=3),
        done("get event", "", 7, 8, event(1, 2, 3)),
        done("register", "dan", 9, 12, CONFIRMED),
        done("list registrations", "", 13, 14, everybody("ann", "bob", "dan", "cat", seats=3)),
    ],
    "two people get the same position": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("register", "bob", 2, 9, waitlisted(1)),
        done("register", "cat", 3, 8, waitlisted(1)),
    ],
    "a registration is lost": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("get registration", "ann", 2, 3, NOT_REGISTERED),
    ],
    "a place in the queue is lost": [
        *TWO_IN_LINE,
        done("list registrations", "", 6, 7, everybody("ann", "cat")),
    ],
    "a read is stale": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("get event", "", 2, 3, event(0, 0)),
    ],
    "a position is stale": [
        *TWO_IN_LINE,
        done("unregister", "bob", 6, 7, GONE),
        done("get registration", "cat", 8, 9, waitlisted(2, 200)),
    ],
    "reads go back in time": [
        done("register", "ann", 0, 9, CONFIRMED),
        done("get event", "", 1, 2, event(1, 0)),
        done("get event", "", 3, 4, event(0, 0)),
    ],
    "a lost request is applied twice": [
        lost("register", "ann", 0),
        done("unregister", "ann", 2, 3, GONE),
        done("unregister", "ann", 4, 5, GONE),
    ],
    "a repeated unregistration removes two people": [
        *TWO_IN_LINE,
        lost("unregister", "ann", 6),
        done("unregister", "ann", 7, 8, NOT_REGISTERED),
        done("list registrations", "", 9, 10, everybody("cat")),
    ],
    "a person waits beside a free seat after the update was answered": [
        *TWO_IN_LINE,
        done("update", "", 6, 7, event(2, 1, 3), capacity=3),
    ],
    "an update is answered with its own fields and the counts of a later state": [
        *TWO_IN_LINE,
        done("update", "", 6, 9, event(3, 0, 2), capacity=2),
        done("update", "", 7, 8, event(3, 0, 4), capacity=4),
    ],
    "an update is answered with the state before it": [
        done("update", "", 0, 1, event(0, 0, 1), capacity=3),
    ],
    "the answer to an update has counts of a later capacity": [
        *TWO_IN_LINE,
        done("update", "", 6, 9, event(3, 0, 2), capacity=2),
        done("update", "", 7, 8, event(3, 0, 3), capacity=3),
    ],
    "a person who leaves while a promotion is unfinished frees the seat for nobody": [
        *TWO_IN_LINE,
        lost("update", "", 6, capacity=3),
        done("get event", "", 7, 8, event(1, 2, 3)),
        done("unregister", "ann", 9, 10, GONE),
        done("get event", "", 11, 12, event(0, 2, 3)),
    ],
    "the capacity falls below the number of confirmed people": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("update", "", 2, 3, event(1, 0, 0), capacity=0),
    ],
    "a change that leaves the capacity alone is refused because of the capacity": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("update", "", 2, 3, BELOW_CONFIRMED, status="ongoing"),
    ],
    "a free seat is refused": [done("register", "ann", 0, 1, FULL)],
    "a place in the queue is refused": [
        done("register", "ann", 0, 1, CONFIRMED),
        done("register", "bob", 2, 3, FULL),
    ],
    "a freed seat of a closed event is given on": [
        *TWO_IN_LINE,
        done("update", "", 6, 7, event(1, 2, status="completed"), status="completed"),
        done("unregister", "ann", 8, 9, GONE),
        done("get event", "", 10, 11, event(1, 1, status="completed")),
    ],
    "a server error is not an allowed answer": [done("get event", "", 0, 1, Answer(500))],
}


@pytest.mark.parametrize("history", RIGHT.values(), ids=RIGHT)
def test_a_history_that_the_rules_allow_is_explained(history: History) -> None:
    assert check(ONE_SEAT, history).explained


@pytest.mark.parametrize("history", WRONG.values(), ids=WRONG)
def test_a_history_that_the_rules_forbid_is_not(history: History) -> None:
    assert not check(ONE_SEAT, history).explained


def test_a_violation_is_shown_without_unrelated_operations() -> None:
    """Later operations and reads are left out; a registration that is needed may lose its answer."""
    others = [done("get event", "", 10 * number, 10 * number + 1, event(0, 0, 9)) for number in range(5)]
    found = smallest(
        State(capacity=9),
        [
            *others,
            done("register", "ann", 60, 61, CONFIRMED),
            done("get event", "", 62, 63, event(1, 0, 9)),
            done("get registration", "ann", 64, 65, NOT_REGISTERED),
            done("register", "bob", 66, 67, CONFIRMED),
        ],
    )
    assert [(operation.call.name, operation.call.user) for operation in found] == [
        ("register", "ann"),
        ("get registration", "ann"),
    ]


def test_a_history_that_is_too_wide_to_check_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "LIMIT", 100)
    wide = [lost("register", f"user-{number}", 0) for number in range(20)]
    with pytest.raises(TooWideError):
        check(State(capacity=20), [*wide, done("get event", "", 1, 2, event(20, 5, 20))])


def test_an_answer_is_shown_if_it_would_take_too_long_to_do_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [f"user-{number}" for number in range(8)]
    crowd = [done("register", user, number, number + 1, CONFIRMED) for number, user in enumerate(people)]
    stale = done("get registration", people[0], 20, 21, NOT_REGISTERED)
    monkeypatch.setattr(checker, "LIMIT", 40)
    found = smallest(State(capacity=8), [*crowd, stale])
    assert stale in found
    assert sum(operation.known for operation in found) > 2
    assert not check(State(capacity=8), found).explained
