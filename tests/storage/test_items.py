"""Keys and dates sort correctly as text."""

import math
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.dynamodb.attributes import marshal
from storage.items import BLOCK, left_key, queue_key, sort_date
from tests.apparatus.meter import size


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2030-05-01", "2030-05-01T00:00:00.000000"),
        ("2030-05-01T10:00", "2030-05-01T10:00:00.000000"),
        ("2030-05-01T10:00:00Z", "2030-05-01T10:00:00.000000"),
        ("2030-05-01T00:30:00.5+02:00", "2030-04-30T22:30:00.500000"),
        ("2030-05-01T10:00:00.123456789Z", "2030-05-01T10:00:00.123456"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00.000000"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.000000"),
        ("0999-01-01", "0999-01-01T00:00:00.000000"),
    ],
)
def test_dates_become_utc_text(date: str, expected: str) -> None:
    assert sort_date(date) == expected


@pytest.mark.parametrize("date", ["2030-05-01T10:00", "2030-05-01T12:00+02:00"])
def test_the_time_zone_of_the_machine_changes_no_date(monkeypatch: pytest.MonkeyPatch, date: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ+5")
        time.tzset()
        text = sort_date(date)
    time.tzset()
    assert text == "2030-05-01T10:00:00.000000"


@given(st.datetimes(), st.datetimes())
def test_the_text_of_dates_sorts_by_time(one: datetime, other: datetime) -> None:
    assert (sort_date(one.isoformat()) < sort_date(other.isoformat())) == (one < other)


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_places_in_the_queue_sort_by_number(one: int, other: int) -> None:
    assert (queue_key("e", one)["sk"] < queue_key("e", other)["sk"]) == (one < other)


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_left_items_sort_by_number(one: int, other: int) -> None:
    assert (left_key("e", one)["sk"] < left_key("e", other)["sk"]) == (one // BLOCK < other // BLOCK)


@pytest.mark.parametrize(
    ("seq", "block"), [(0, 0), (999, 0), (1000, 1), (1999, 1), (42000, 42), (42999, 42), (43000, 43)]
)
def test_a_left_item_has_the_numbers_that_differ_in_the_last_three_digits(seq: int, block: int) -> None:
    assert left_key("e", seq) == {"pk": "EVENT#e", "sk": f"LEFT#{block:010d}"}


@pytest.mark.parametrize(
    ("below", "left", "units"),
    [(10**4, 0.29, 1), (10**6, 0.22, 1), (10**6, 0.47, 2), (10**6, 1.0, 5), (10**12, 1.0, 7)],
)
def test_a_left_item_with_a_fifth_of_its_numbers_is_one_write_unit_and_with_all_a_few(
    below: int, left: float, units: int
) -> None:
    last = range(below - BLOCK, below)
    keys = {tuple(left_key("e" * 100, seq).items()) for seq in last}
    assert len(keys) == 1
    numbers = frozenset(last[: int(BLOCK * left)])
    assert math.ceil(size(marshal({**dict(keys.pop()), "numbers": numbers})) / 1024) == units
