"""Two corruptions at once: a repair promotes nobody out of order, and leaves only what needs a person.

PAIRS=all tests every pair, not only those of a promotion with another corruption of the queue.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import combinations

import pytest

from storage.audit import audit, event
from storage.audit.findings import ADVICE, Kind
from storage.audit.reads import scan
from storage.audit.repair import PROMOTION_IN_DOUBT, repair
from storage.dynamodb.attributes import Item
from storage.dynamodb.tables import Tables
from storage.items import USER_PREFIX, registration_key
from tests.apparatus.corruptions import CORRUPTIONS, fill
from tests.apparatus.moto_store import fill_once

#: These corrupt by requests as well, which fail on tables that are corrupt already.
FIRST = ["numbers that were left are lost", "a user waits beyond the next number, ahead of another"]

PROMOTION = "a promotion of several was interrupted"


def pairs() -> Iterator[tuple[str, str]]:
    """Yield the pairs to test, in the order in which they act."""
    names = [*FIRST, *(name for name in CORRUPTIONS if name not in FIRST)]
    in_doubt = {
        name
        for name, corruption in CORRUPTIONS.items()
        if {kind for kind, _key in corruption.found} & PROMOTION_IN_DOUBT
    }
    for first, second in combinations(names, 2):
        chosen = PROMOTION in {first, second} and in_doubt & {first, second}
        if [first, second] != FIRST and (chosen or os.environ.get("PAIRS") == "all"):
            yield first, second


@pytest.fixture
def tables(moto_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(event, "PATIENCE", 0)
    monkeypatch.setattr(moto_tables, "_retry_seconds", 0.05)
    fill_once(moto_tables, fill)
    return moto_tables


def people(tables: Tables) -> dict[str, Item]:
    """Return the registrations of the event, by user."""
    values = {"pk": registration_key("e", "")["pk"], "user": USER_PREFIX}
    found = tables.query("Registrations", "#pk = :pk AND begins_with(#sk, :user)", values)
    return {item["sk"]: item for item in found}


def waits(registration: Item) -> bool:
    return bool(registration.get("status") == "waitlisted")


def check_order(before: Mapping[str, Item], after: Mapping[str, Item]) -> None:
    """Check that everybody who was promoted waited ahead of everybody who still waits."""
    waited = {user: item for user, item in before.items() if waits(item)}
    promoted = [user for user in waited if not waits(after[user])]
    behind = [waited[user]["seq"] for user in waited if promoted and waits(after[user])]
    assert all(waited[user]["seq"] < seq for user in promoted for seq in behind)


@pytest.mark.parametrize("pair", list(pairs()), ids=" and ".join)
def test_a_repair_of_two_corruptions_promotes_in_order_and_leaves_what_needs_a_person(
    tables: Tables, pair: tuple[str, str]
) -> None:
    for name in pair:
        CORRUPTIONS[name].act(tables)
    before = people(tables)
    left = [outcome.violation for outcome in repair(tables) if not outcome.repaired]
    after = people(tables)
    assert after.keys() == before.keys()
    check_order(before, after)

    kinds = {violation.kind for violation in left}
    needs_a_person = kinds & ADVICE.keys()
    if kinds & PROMOTION_IN_DOUBT:
        needs_a_person |= {Kind.WAITING_BESIDE_FREE_SEAT}
    if Kind.SEATS_MISSING in kinds:
        # Without nextSeq nobody knows which numbers were given: no place is put at one that may be given again.
        needs_a_person |= {Kind.WAITING_WITHOUT_PLACE, Kind.NUMBERS_LOST}
    assert kinds <= needs_a_person
    assert sorted(map(str, audit(tables))) == sorted(map(str, left))
    items = [list(scan(tables, table)) for table in ("Events", "Registrations")]
    assert [outcome.violation for outcome in repair(tables) if outcome.repaired] == []
    assert [list(scan(tables, table)) for table in ("Events", "Registrations")] == items
