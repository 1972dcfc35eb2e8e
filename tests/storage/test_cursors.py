"""Cursors: opaque, checked, and valid for one list only."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cursors import decode, encode, list_name
from storage.errors import CursorInvalid

ANY = r"(?s).*"


@given(st.text())
def test_a_cursor_contains_the_last_entry_of_a_page(last: str) -> None:
    name = list_name("a", None)
    assert decode(name, encode(name, last), ANY) == last


@pytest.mark.parametrize("length", [3, 4, 5])
def test_a_cursor_needs_no_escape_in_a_url_and_loses_no_character_at_its_end(length: int) -> None:
    """Padding is removed, and nothing else, whichever letter the entry ends with."""
    for letter in map(chr, range(128)):
        last = letter.rjust(length, "a")
        cursor = encode("list", last)
        assert re.fullmatch("[A-Za-z0-9_-]+", cursor)
        assert decode("list", cursor, ANY) == last


@given(st.text(alphabet="abc", min_size=1), st.data())
def test_a_cursor_with_any_character_changed_is_refused(last: str, data: st.DataObject) -> None:
    cursor = encode("list", last)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from([letter for letter in "Aa0_-" if letter != cursor[at]]))
    with pytest.raises(CursorInvalid):
        decode("list", cursor[:at] + other + cursor[at + 1 :], ANY)


@given(st.text(alphabet="ABCabc019-_"))
def test_a_cursor_that_was_never_issued_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        decode("list", cursor, ANY)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        decode(list_name("events", "active"), encode(list_name("events", None), "x"), ANY)


@pytest.mark.parametrize("entry", ["x", "x1", "1x", "1\n", ""])
def test_a_forged_cursor_whose_entry_has_the_wrong_form_is_refused(entry: str) -> None:
    with pytest.raises(CursorInvalid):
        decode("list", encode("list", entry), "[0-9]+")


def test_different_lists_have_different_names() -> None:
    assert list_name("a", "b", None) != list_name("a,b", None)
