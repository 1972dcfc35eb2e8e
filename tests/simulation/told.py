"""What the changes of the table tell in each schedule: every change of a registration once, and nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from storage import notifications
from storage.dynamodb.attributes import unmarshal
from storage.items import is_registration, to_registration
from storage.model import Registration
from tests.simulation.dynamodb import Address, Change
from tests.simulation.expressions import Item
from tests.simulation.timeline import Commit, ViolationError

#: The event, the user, and what happened to the registration.
Fact = tuple[str, str, notifications.Kind]

#: What may be told of a registration after each kind; None before the first.
NEXT: Final[Mapping[str | None, frozenset[str]]] = {
    None: frozenset({"confirmed", "waitlisted"}),
    "waitlisted": frozenset({"promoted", "cancelled"}),
    "confirmed": frozenset({"cancelled"}),
    "promoted": frozenset({"cancelled"}),
    "cancelled": frozenset({"confirmed", "waitlisted"}),
}


@dataclass
class Told:
    """The latest notification of each registration, by event and user, and the registrations that all add up to."""

    latest: dict[tuple[str, str], notifications.Kind] = field(default_factory=dict)
    registrations: dict[tuple[str, str], Registration] = field(default_factory=dict)

    def check(self, changes: Sequence[Change], commits: Iterable[Commit]) -> int:
        """Derive what a transaction tells, compare it with its commits, and return the number of notifications.

        Raises:
            ViolationError: Something is told that did not happen, or twice, or not at all, or in the wrong order.

        """
        told = [self._take(*change) for change in changes if change[0][0] == "Registrations"]
        facts = Counter(fact for fact in told if fact)
        happened = Counter(fact for commit in commits for fact in _facts(commit))
        if facts != happened:
            wrong, missing = [*(facts - happened)], [*(happened - facts)]
            raise ViolationError(f"told, but did not happen: {wrong}; happened, but was not told: {missing}")
        return facts.total()

    def _take(self, address: Address, old: Item | None, new: Item | None) -> Fact | None:
        told = notifications.derive(*(None if image is None else unmarshal(image) for image in (old, new)))
        if told is None:
            return None
        key = (told.registration.event_id, told.registration.user_id)
        if told.kind not in NEXT[self.latest.get(key)]:
            raise ViolationError(f"{address}: {told.kind} is told after {self.latest.get(key)}")
        self.latest[key] = told.kind
        self.registrations[key] = told.registration
        if told.kind == "cancelled":
            del self.registrations[key]
        return (*key, told.kind)

    def check_sum(self, items: Mapping[Address, Item]) -> None:
        """Check that all notifications add up to the registrations in the table.

        Raises:
            ViolationError: They do not.

        """
        plain = [unmarshal(item) for (table, *_key), item in items.items() if table == "Registrations"]
        kept = [to_registration(item) for item in plain if is_registration(item)]
        if self.registrations != {(found.event_id, found.user_id): found for found in kept}:
            raise ViolationError("the notifications do not add up to the registrations in the table")


def _facts(commit: Commit) -> Iterable[Fact]:
    for user_id, seq in commit.came.items():
        yield commit.event_id, user_id, "confirmed" if seq is None else "waitlisted"
    for user_id in commit.left:
        yield commit.event_id, user_id, "cancelled"
    for user_id in commit.promoted:
        yield commit.event_id, user_id, "promoted"
