"""Requests that just fit the contract, and that just do not: every property with every near miss."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

#: Every JSON kind, with the values that parsers and languages like to confuse.
KINDS: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2, 1.0, 1.5, -0.0, 1e3, 1e300, 10**29, 10**40),
    *("", " ", "5", "1.0", "true", "null", "None", [], {}, [[]], {"a": 1}, ["a"]),
]

#: All characters to U+00FF, and those beyond that patterns speak of or engines disagree on.
CHARACTERS: Final = [
    *map(chr, range(0x100)),
    *"\u0130\u0660\u115f\u1680\u180e\u200b\u200f\u2028\u2029\u2060\u2064\u3000\u3164\ud800\udfff\ufefe\ufeff\uff00\uff11\uffa0\U0001f680",
]

DATES: Final = [
    f"{year:04}-{month:02}-{day:02}"
    for year in (0, 1, 1900, 2000, 2023, 2024, 9999)
    for month in (0, 1, 2, 4, 12, 13)
    for day in (0, 1, 28, 29, 30, 31, 32)
]

TIMES: Final = [
    f"2030-05-01{time}"
    for time in (
        *("T00:00", "T23:59", "T24:00", "T10:60", "T10:00:59", "T10:00:60", "T10:00:00.1", "T10:00:00.123456789Z"),
        *("T10:00:00.1234567890Z", "T10:00Z", "T10:00:00Z", "T10:00:00z", "t10:00:00Z", " 10:00:00Z", "T10", "T", "Z"),
        *("T10:00:00+14:00", "T10:00:00-23:59", "T10:00:00+24:00", "T10:00:00+1:00", "T10:00:00+0100", "T10:00:00Z\n"),
    )
]


def values(schema: Mapping[str, Any], example: Any) -> Iterator[Any]:
    """Yield near misses of a schema, some of which fit, around a value that fits."""
    yield from KINDS
    for value in schema.get("enum", ()):
        yield from (value, value.upper(), f"{value} ", value[:-1], f"{value}\n")
    for limit in (schema.get("minimum"), schema.get("maximum")):
        if limit is not None:
            yield from (limit - 1, limit, limit + 1, float(limit), limit + 0.5, str(limit))
    if schema["type"] == "string":
        for length in {schema.get("minLength", 1), schema.get("maxLength", 1)}:
            yield from ((example * length)[: length + more] for more in (-1, 0, 1) if length + more >= 0)
            yield from ("\U0001f680" * (length + more) for more in (-1, 0, 1) if length + more >= 0)
            yield from (f"{example[0]}{'a' * (length + more - 2)}{example[-1]}" for more in (-1, 0, 1))
        yield from ("a", ".", "..", "...", "....", ".a", "..a", "a.", *DATES, *TIMES)
        middle = len(example) // 2
        for character in CHARACTERS:
            yield from (
                character,
                character + example,
                example + character,
                example[:middle] + character + example[middle + 1 :],
            )


def bodies(schema: Mapping[str, Any], example: Mapping[str, Any]) -> Iterator[Any]:
    """Yield bodies that differ from an example in one property, or are no object at all."""
    yield from KINDS
    for name, property_schema in schema["properties"].items():
        for value in values(property_schema, example.get(name, property_schema.get("example", "a"))):
            yield {**example, name: value}
        others = {key: value for key, value in example.items() if key != name}
        yield from (others, {**others, _snake_case(name): example.get(name)})
        for other in (name.upper(), f"{name} ", _snake_case(name), f"{name}\n", f"{name}\ud800", f"{name}/~x"):
            yield {**example, other: 1}
    for one in KINDS:
        yield from ({**example, "hasWaitlist": one, "waitlistEnabled": one}, {**example, "waitlistEnabled": one})


def _snake_case(name: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in name)
