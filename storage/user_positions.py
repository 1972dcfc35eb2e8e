"""The positions of one user in the queues of many events, in a few calls for all of them together.

`queue.position` reads the head of one queue, by a Query. Here a position is derived from the counters, and from the
numbers behind the user whose owners left (`rules.position`). BatchGetItem reads both for many events at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from storage import queue, rules
from storage.dynamodb.attributes import Item, Key
from storage.dynamodb.tables import Tables, batches
from storage.items import BLOCK, left_key, seats_key, to_seats
from storage.rules import Seats

#: Number of LEFT items above which a Query, billed by the sum of their sizes, is preferred to a batch, billed by item.
_LONG: Final = 8

_BEHIND: Final = "#pk = :pk AND #sk BETWEEN :first AND :last"


def positions(tables: Tables, numbers: Mapping[str, int], calls: int) -> dict[str, int]:
    """Return the position of each number, by event: in their order, as many as this number of calls can read.

    The calls must suffice for two items of each event and one more; then at least the first position is returned. A
    position that can't be right takes two more calls: its queue is damaged, or it moved between the reads.

    All reads are eventually consistent. If a person behind leaves meanwhile, one of the two items may show it and the
    other not yet: then the position is off by one. All other changes affect it as in `queue.positions`.
    """
    if not numbers:
        return {}
    found = tables.get_all(_nearest(numbers), consistent=False)
    seats = {item["eventId"]: to_seats(item) for item in found["Events"]}
    behind = [_blocks_behind(seq, seats.get(event_id)) for event_id, seq in numbers.items()]
    count, queries = _affordable([len(blocks) for blocks in behind], calls - batches(2 * len(numbers)))
    ranges = dict(zip(list(numbers)[:count], behind, strict=False))
    left = _numbers([*found["Registrations"], *_read(tables, ranges, queries)])
    derived = {
        event_id: _position(seats.get(event_id), numbers[event_id], left.get(event_id, frozenset()))
        for event_id in ranges
    }
    doubtful = [event_id for event_id, position in derived.items() if position is None]
    read = tables.each(*(partial(queue.position, tables, event_id, numbers[event_id]) for event_id in doubtful))
    looked_up = dict(zip(doubtful, read, strict=True))
    return {event_id: position or looked_up[event_id] for event_id, position in derived.items()}


def _nearest(numbers: Mapping[str, int]) -> Iterator[tuple[str, Key]]:
    """Yield the keys of the counters of each event, and of the LEFT item of the number's own block."""
    for event_id, seq in numbers.items():
        yield "Events", seats_key(event_id)
        yield "Registrations", left_key(event_id, seq)


def _blocks_behind(seq: int, seats: Seats | None) -> range:
    """Return the first number of each block behind that of `seq`."""
    return range((seq // BLOCK + 1) * BLOCK, seats.next_seq if seats else 0, BLOCK)


def _affordable(lengths: Sequence[int], calls: int) -> tuple[int, int]:
    """Return how many ranges of LEFT items, from the first, `calls` can read, and how many of them take a Query each.

    The longest ones do; batches read the items of all others.
    """
    long = sum(length > _LONG for length in lengths)
    for count in range(len(lengths), 0, -1):
        ordered = sorted(lengths[:count])
        for queries in (*range(min(long, count, calls), -1, -1), *range(long + 1, min(count, calls) + 1)):
            if queries + batches(sum(ordered[: count - queries])) <= calls:
                return count, queries
    return 0, 0


def _read(tables: Tables, ranges: Mapping[str, range], queries: int) -> list[Item]:
    """Read the LEFT items of each event's range of blocks, the longest ranges by this number of Queries."""
    ordered = sorted((event_id for event_id in ranges if ranges[event_id]), key=lambda event_id: len(ranges[event_id]))
    cut = max(0, len(ordered) - queries)
    keys = [("Registrations", left_key(event_id, seq)) for event_id in ordered[:cut] for seq in ranges[event_id]]
    batch = [lambda: tables.get_all(keys, consistent=False)["Registrations"]] if keys else []
    by_query = [partial(_query, tables, event_id, ranges[event_id]) for event_id in ordered[cut:]]
    return [item for items in tables.each(*batch, *by_query) for item in items]


def _query(tables: Tables, event_id: str, blocks: range) -> list[Item]:
    first, last = left_key(event_id, blocks[0]), left_key(event_id, blocks[-1])
    values = {"pk": first["pk"], "first": first["sk"], "last": last["sk"]}
    return tables.query("Registrations", _BEHIND, values, consistent=False)


def _numbers(blocks: Sequence[Item]) -> dict[str, frozenset[int]]:
    """Return the numbers in LEFT items by event."""
    left: dict[str, frozenset[int]] = {}
    for block in blocks:
        event_id = block["pk"].removeprefix("EVENT#")
        left[event_id] = left.get(event_id, frozenset()) | block["numbers"]
    return left


def _position(seats: Seats | None, seq: int, left: frozenset[int]) -> int | None:
    """Return the position of a number, or None if it can't be right."""
    if seats is None or seq >= seats.next_seq:
        return None
    position = rules.position(seats, seq, sum(seq < number < seats.next_seq for number in left))
    return position if 1 <= position <= seq + 1 else None
