"""Several departures in one transaction, with the promotions that they cause."""

from collections.abc import Callable

import pytest

from storage import events, registrations
from storage.admissions import register_all
from storage.departures import unregister_all
from storage.dynamodb.attributes import marshal
from storage.dynamodb.recent import Recent
from storage.dynamodb.tables import Tables
from storage.errors import RegistrationNotFound, StorageUnavailable
from storage.items import queue_key
from tests.apparatus.faults import Fault, at_attempts, faults, in_sequence
from tests.apparatus.meter import metered
from tests.apparatus.registered import make_event, raise_and_crash, register, state
from tests.apparatus.rival import before_call, rival

Act = Callable[[Tables], object]


def leave(tables: Tables, user_ids: str) -> str:
    """Remove registrations, and return those users who had none; assert that all are answered."""
    answers = unregister_all(tables, "e", user_ids)
    assert list(answers) == list(user_ids) or set(answers) == set(user_ids)
    assert all(answer is None or isinstance(answer, RegistrationNotFound) for answer in answers.values())
    return "".join(sorted(user_id for user_id, answer in answers.items() if answer))


@pytest.mark.parametrize(
    ("leavers", "ends"),
    [
        ("ab", ("cd", "efg")),
        ("ac", ("bd", "efg")),
        ("ag", ("bc", "def")),
        ("cd", ("ab", "efg")),
        ("eg", ("ab", "cdf")),
        ("abcd", ("ef", "g")),
        ("acdefg", ("b", "")),
        ("abcdef", ("g", "")),
        ("abcdefg", ("", "")),
    ],
)
def test_each_freed_seat_goes_to_the_first_who_stays_in_the_queue(
    moto_tables: Tables, leavers: str, ends: tuple[str, str]
) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abcdefg")
    with metered(moto_tables) as meter:
        assert leave(moto_tables, leavers) == ""
    assert meter.calls["TransactWriteItems"] == 1
    assert state(moto_tables) == ends


def test_people_who_joined_together_leave_and_are_promoted_as_others_are(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register_all(moto_tables, "e", "abcdefg")
    moto_tables.answered = Recent(1)  # As another process sees it.
    assert leave(moto_tables, "df") == ""
    assert leave(moto_tables, "ag") == ""
    registrations.unregister(moto_tables, "e", "b")
    assert state(moto_tables) == ("ce", "")


def test_a_person_leaves_behind_one_who_is_promoted_in_the_same_transaction(moto_tables: Tables) -> None:
    """Both joined together, as another process sees it: the place ahead is removed, and needs no check."""
    make_event(moto_tables, capacity=2)
    register_all(moto_tables, "e", "abcde")
    moto_tables.answered = Recent(1)
    assert leave(moto_tables, "ad") == ""
    assert state(moto_tables) == ("bc", "e")


def test_two_neighbours_in_the_queue_leave_together(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register_all(moto_tables, "e", "abcdef")
    moto_tables.answered = Recent(1)
    assert leave(moto_tables, "de") == ""
    assert state(moto_tables) == ("ab", "cf")


def test_seats_are_left_to_the_path_of_one_if_the_queue_is_shorter_than_its_count(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, "a", "b", "c")
    moto_tables.client.delete_item(TableName="Registrations", Key=marshal(queue_key("e", 0)))
    with metered(moto_tables) as meter:
        assert unregister_all(moto_tables, "e", "ab") == {}
    assert meter.calls == {"BatchGetItem": 1, "Query": 1}


def test_a_person_who_left_and_waits_again_since_the_read_leaves_and_is_not_promoted(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, "a", "b")

    def leave_and_join() -> None:
        registrations.unregister(moto_tables, "e", "a")
        register(moto_tables, "a")

    with before_call(moto_tables, "Query", 1, leave_and_join):
        assert leave(moto_tables, "ab") == ""
    assert state(moto_tables) == ("", "")


def test_nineteen_departures_fit_into_a_transaction(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, *"abcdefgh")
    assert leave(moto_tables, "abcdefgh" + "ijklmnopqrs") == "ijklmnopqrs"
    assert state(moto_tables) == ("", "")


def test_if_nobody_is_registered_nothing_is_written(moto_tables: Tables) -> None:
    make_event(moto_tables)
    with metered(moto_tables) as meter:
        assert leave(moto_tables, "ab") == "ab"
    assert meter.calls == {"BatchGetItem": 1}


def test_on_a_closed_event_nobody_is_promoted(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abcd")
    events.update(moto_tables, "e", {"status": "cancelled"})
    assert leave(moto_tables, "acx") == "x"
    assert state(moto_tables) == ("b", "d")


@pytest.mark.parametrize(
    ("act", "missing", "ends"),
    [
        (lambda tables: register(tables, "h"), "", ("bc", "eh")),
        (lambda tables: registrations.unregister(tables, "e", "a"), "a", ("bc", "e")),
        (lambda tables: registrations.unregister(tables, "e", "c"), "", ("be", "")),
        (lambda tables: registrations.unregister(tables, "e", "b"), "", ("ce", "")),
        (lambda tables: events.update(tables, "e", {"status": "cancelled"}), "", ("b", "ce")),
        (lambda tables: events.update(tables, "e", {"capacity": 4}), "", ("bce", "")),
    ],
    ids=["joins", "removes a leaver", "the head leaves", "passes a seat on", "closes", "raises the capacity"],
)
def test_a_rival_between_read_and_write_does_not_harm_the_queue(
    moto_tables: Tables, act: Act, missing: str, ends: tuple[str, str]
) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abcde")
    with rival(moto_tables, lambda: act(moto_tables)) as other:
        assert leave(moto_tables, "ad") == missing
    assert other.acted == 1
    assert state(moto_tables) == ends


def test_a_batch_that_empties_the_queue_promotes_nobody_on_an_event_that_closes(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abc")
    with rival(moto_tables, lambda: events.update(moto_tables, "e", {"status": "completed"})):
        assert leave(moto_tables, "ab") == ""
    assert state(moto_tables) == ("", "c")


def test_a_batch_on_a_closed_event_promotes_if_the_event_opens_again(moto_tables: Tables) -> None:
    make_event(moto_tables, capacity=2)
    register(moto_tables, *"abcd")
    events.update(moto_tables, "e", {"status": "cancelled"})
    with rival(moto_tables, lambda: events.update(moto_tables, "e", {"status": "active"})):
        assert leave(moto_tables, "ad") == ""
    assert state(moto_tables) == ("bc", "")


def test_during_a_promotion_each_person_is_left_to_the_path_of_one(
    moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(moto_tables, capacity=1)
    register(moto_tables, *"abc")
    raise_and_crash(moto_tables, monkeypatch, 2)
    answers = unregister_all(moto_tables, "e", "abx")
    assert list(answers) == ["x"]


def test_a_lost_reply_is_found_by_the_token(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=2)
    register(ministack_tables, *"abcde")
    with faults(ministack_tables, at_attempts(Fault.LOST, "TransactWriteItems", 0)):
        assert leave(ministack_tables, "ab") == ""
    assert state(ministack_tables) == ("cd", "e")


def test_if_the_store_stays_silent_everybody_is_told_so_and_can_repeat_the_request(ministack_tables: Tables) -> None:
    make_event(ministack_tables, capacity=2)
    register(ministack_tables, *"abcde")
    plan = in_sequence("TransactWriteItems", 0, [Fault.LOST, Fault.UNSENT, Fault.UNSENT])
    with faults(ministack_tables, plan):
        answers = unregister_all(ministack_tables, "e", "axb")
    assert isinstance(answers.pop("x"), RegistrationNotFound)
    assert {type(answer) for answer in answers.values()} == {StorageUnavailable}
    assert leave(ministack_tables, "ab") == "ab"
    assert state(ministack_tables) == ("cd", "e")
