"""The patterns of the contract mean the same in every regex engine, and accept what their descriptions say."""

import datetime as dt
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.contract import Contract

SCHEMAS = Contract().document["components"]["schemas"]


def patterns(node: Any) -> Iterator[str]:
    """Yield every pattern below a node of the document."""
    if isinstance(node, list):
        for entry in node:
            yield from patterns(entry)
    elif isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for entry in node.values():
            yield from patterns(entry)


def pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of a schema, with `$` as the end of the text, as everywhere but in Python."""
    text: str = SCHEMAS[name]["pattern"]
    assert text.endswith("$")
    return re.compile(text.removesuffix("$") + r"\Z")


@pytest.mark.parametrize("text", sorted(set(patterns(Contract().document))))
def test_a_pattern_uses_only_what_all_engines_share(text: str) -> None:
    """RE2, Go and Rust have no look-around; ECMAScript, Python and RE2 disagree on what white space is."""
    assert not re.search(r"\(\?(?!:)", text), "look-around, flags or a named group"
    assert "\ufeff" not in text, "a BOM, which Go refuses in generated code; a range from U+FEFE to U+FF00 has it"
    assert not re.search(r"\\[A-Za-wyz1-9]", re.sub(r"\\[tx]", "", text)), "a class, an anchor or a reference"


def test_an_id_is_any_text_of_its_characters_but_one_or_two_dots() -> None:
    accepted = pattern("EventId")
    assert SCHEMAS["UserId"]["pattern"] == SCHEMAS["EventId"]["pattern"]
    alphabet = ".aZ0_~@:+-/ \n%é"
    for length in range(5):
        for characters in itertools.product(alphabet, repeat=length):
            text = "".join(characters)
            valid = text not in {"", ".", ".."} and set(text) <= set(".aZ0_~@:+-")
            assert (accepted.match(text) is not None) is valid, text


def test_a_date_is_every_day_of_the_calendar_and_no_other() -> None:
    accepted = pattern("EventDate").match
    days = map(dt.date.isoformat, map(dt.date.fromordinal, range(1, dt.date.max.toordinal() + 1)))
    assert all(map(accepted, days))
    years = (0, 1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999)
    others = [f"{year:04}-{month:02}-{day:02}" for year in years for month in range(14) for day in range(33)]
    others += [f"{year:04}-02-29" for year in range(10_000)]
    assert [day for day in others if accepted(day)] == [day for day in others if exists(day)]


def exists(day: str) -> bool:
    try:
        return dt.date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


#: Of the format characters, those that have a glyph.
SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"

INVISIBLE = (
    "\u034f\u17b4\u17b5\u180b\u2800\ufe00\ufe0f"
    "\u00a0\u00ad\u1680\u2000\u200a\u200b\u200d\u200f\u2028\u2029\u202f\u205f\u2060\u3000\u3164\ufeff"
)


@pytest.mark.parametrize("name", ["EventTitle", "EventLocation", "EventOrganizer", "UserName", "EventDescription"])
def test_text_is_not_only_white_space_or_invisible_characters(name: str) -> None:
    accepted = pattern(name)
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    invisible = {one for one in characters if one.isspace() or (unicodedata.category(one) == "Cf" and one not in SIGNS)}
    for space in {*INVISIBLE, *invisible}:
        assert not accepted.match(space), ascii(space)
        assert not accepted.match(f" {space} "), ascii(space)
    for text in ("x", " x", "x ", "\u200bx", "é", "日本", "👩‍🚀", "\u00a0x\ufeff"):
        assert accepted.match(text), ascii(text)
    assert SCHEMAS[name]["minLength"] == 1


@pytest.mark.parametrize("name", ["EventTitle", "EventLocation", "EventOrganizer", "UserName"])
def test_text_of_one_line_has_no_line_break_of_any_kind(name: str) -> None:
    for line_break in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029":
        assert len(f"a{line_break}b".splitlines()) == 2
        assert not pattern(name).match(f"a{line_break}b"), ascii(line_break)


def test_a_description_may_have_line_breaks_and_tabs_but_no_other_control_characters() -> None:
    accepted = pattern("EventDescription")
    controls = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    assert [text for text in controls if accepted.match(f"a{text}b")] == ["\t", "\n", "\r"]
    assert accepted.match("a\u2028b")
