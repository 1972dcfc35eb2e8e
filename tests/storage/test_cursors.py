"""Cursors: opaque, checked, and good for one list only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cursors import decode, encode, list_name
from storage.errors import CursorInvalid

ANY = r"(?s).*"


@given(st.text())
def test_a_cursor_holds_a_place(place: str) -> None:
    name = list_name("a", None)
    assert decode(name, encode(name, place), ANY) == place


@given(st.text(alphabet="abc", min_size=1), st.data())
def test_a_cursor_with_any_character_changed_is_refused(place: str, data: st.DataObject) -> None:
    cursor = encode("list", place)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from([letter for letter in "Aa0_-" if letter != cursor[at]]))
    with pytest.raises(CursorInvalid):
        decode("list", cursor[:at] + other + cursor[at + 1 :], ANY)


@given(st.text(alphabet="ABCabc019-_"))
def test_what_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        decode("list", cursor, ANY)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        decode(list_name("events", "active"), encode(list_name("events", None), "x"), ANY)


def test_a_forged_place_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        decode("list", encode("list", "x"), "[0-9]+")


def test_names_of_lists_do_not_run_together() -> None:
    assert list_name("a", "b", None) != list_name("a,b", None)
