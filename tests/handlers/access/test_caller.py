"""The user id of a token's subject."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.access.caller import ANYBODY, Caller, user_id_of
from handlers.contract import Contract

ID = Contract().document["components"]["schemas"]["UserId"]


@pytest.mark.parametrize(
    ("subject", "user_id"),
    [
        ("ann", "ann"),
        ("ann@example.com", "ann@example.com"),
        ("5f7c0d1e-0000-4000-8000-c0ffee000000", "5f7c0d1e-0000-4000-8000-c0ffee000000"),
        ("auth0|5f7c", "auth0~7C5f7c"),
        ("google-oauth2|1", "google-oauth2~7C1"),
        ("ann~lee", "ann~lee"),
        ("a~7Cb", "a~7E7Cb"),
        ("Zoë", "Zo~C3~AB"),
        ("\ud800", "~ED~A0~80"),
        ("/", "~2F"),
        (".", "~2E"),
        ("..", "~2E~2E"),
        ("", None),
        ("a" * 100, "a" * 100),
        ("a" * 101, None),
        ("|" * 34, None),
    ],
)
def test_a_subject_that_is_no_id_is_escaped(subject: str, user_id: str | None) -> None:
    assert user_id_of(subject) == user_id


@given(st.text(alphabet="a.~7C|E2é", max_size=8), st.text(alphabet="a.~7C|E2é", max_size=8))
def test_two_subjects_never_have_the_same_id(one: str, other: str) -> None:
    assert one == other or user_id_of(one) is None or user_id_of(one) != user_id_of(other)


@given(st.text(max_size=120))
def test_every_id_is_one_that_the_contract_allows(subject: str) -> None:
    user_id = user_id_of(subject)
    assert user_id is None or (re.search(ID["pattern"], user_id) and len(user_id) <= ID["maxLength"])


def test_people_act_for_themselves_at_every_event_and_organizers_for_others_at_their_own() -> None:
    assert Caller("ann").owner("ann") is None
    assert Caller("olga", organizer=True).owner("olga") is None
    assert Caller("olga", organizer=True).owner("ann") == "olga"
    assert Caller("olga", organizer=True).owner() == "olga"
    assert Caller("root", organizer=True, admin=True).owner("ann") is None
    assert ANYBODY.owner("ann") is None
