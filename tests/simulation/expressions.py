"""DynamoDB's expressions, limited to those that `storage` uses; any other raises `UnsupportedError`."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

Item = Mapping[str, Mapping[str, Any]]
Names = Mapping[str, str]
Test = Callable[[Item | None, Names, Item], bool]
Operand = Callable[[Item | None, Names, Item], Mapping[str, Any] | None]

_TOKEN: Final = re.compile(r"\s*(#\w+|:\w+|\w+|<=|>=|=|<|>|\(|\)|,)")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


class UnsupportedError(Exception):
    """The model does not support an expression; extend the model before `storage` uses it."""


def compare(comparison: str, left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Compare two attributes as DynamoDB does: false if one is missing or their types differ."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    ((kind, one),), ((_, other),) = left.items(), right.items()
    if kind == "N":
        return _COMPARISONS[comparison](int(one), int(other))
    if kind == "S" or comparison == "=":
        return _COMPARISONS[comparison](one, other)
    raise UnsupportedError(f"{comparison} of {kind}")


@cache
def conjuncts(text: str) -> tuple[tuple[str, Test], ...]:
    """Return the parts of a condition that AND joins, each with its text."""
    parser = _Parser(text)
    parts = parser.parts("AND", parser.negation)
    if parser.left:
        if parser.left[0] != "OR":
            raise UnsupportedError(f"{parser.left[0]} in {text}")
        return ((text, _Parser(text).whole()),)
    return tuple(parts)


class _Parser:
    """Parses an expression from left to right; each method consumes the construct it is named after."""

    def __init__(self, text: str) -> None:
        """Split the text into tokens."""
        self.left = _TOKEN.findall(text)
        if "".join(self.left) != re.sub(r"\s", "", text):
            raise UnsupportedError(text)

    def take(self, expected: str | None = None) -> str:
        token: str = self.left.pop(0) if self.left else ""
        if not token or (expected is not None and token != expected):
            raise UnsupportedError(f"{token or 'the end'} instead of {expected or 'more'}")
        return token

    def whole(self) -> Test:
        test = self.alternatives()
        if self.left:
            raise UnsupportedError(self.left[0])
        return test

    def parts(self, word: str, part: Callable[[], Test]) -> list[tuple[str, Test]]:
        found: list[tuple[str, Test]] = []
        while True:
            before = list(self.left)
            test = part()
            found.append((" ".join(before[: len(before) - len(self.left)]), test))
            if not self.left or self.left[0] != word:
                return found
            self.take(word)

    def alternatives(self) -> Test:
        tests = [test for _text, test in self.parts("OR", self.conjunction)]
        return tests[0] if len(tests) == 1 else lambda *given: any(test(*given) for test in tests)

    def conjunction(self) -> Test:
        tests = [test for _text, test in self.parts("AND", self.negation)]
        return tests[0] if len(tests) == 1 else lambda *given: all(test(*given) for test in tests)

    def negation(self) -> Test:
        if self.left and self.left[0] == "NOT":
            self.take("NOT")
            test = self.negation()
            return lambda *given: not test(*given)
        return self.demand()

    def demand(self) -> Test:
        token = self.take()
        if token == "(":
            test = self.alternatives()
            self.take(")")
            return test
        if token == "size":
            return self.comparison(self.size())
        if token in {"attribute_exists", "attribute_not_exists", "begins_with"}:
            return self.function(token)
        return self.comparison(_operand(token))

    def function(self, name: str) -> Test:
        self.take("(")
        subject = _operand(self.take())
        if name != "begins_with":
            self.take(")")
            return lambda *given: (subject(*given) is not None) == (name == "attribute_exists")
        self.take(",")
        prefix = _operand(self.take())
        self.take(")")
        return lambda *given: str((subject(*given) or {}).get("S", "")).startswith((prefix(*given) or {})["S"])

    def size(self) -> Operand:
        """Return the size of a set; a missing one has none, and compares with nothing."""
        self.take("(")
        name = self.take()
        if not name.startswith("#"):
            raise UnsupportedError(f"size of {name}")
        subject = _operand(name)
        self.take(")")
        return lambda *given: None if (found := subject(*given)) is None else {"N": str(len(found["SS"]))}

    def comparison(self, left: Operand) -> Test:
        token = self.take()
        if token == "BETWEEN":
            low, _and, high = _operand(self.take()), self.take("AND"), _operand(self.take())
            return lambda *given: compare(">=", left(*given), low(*given)) and compare("<=", left(*given), high(*given))
        if token == "IN":
            members = self.members()
            return lambda *given: any(compare("=", left(*given), member(*given)) for member in members)
        if token not in _COMPARISONS:
            raise UnsupportedError(token)
        right = _operand(self.take())
        return lambda *given: compare(token, left(*given), right(*given))

    def members(self) -> list[Operand]:
        self.take("(")
        members = [_operand(self.take())]
        while self.take() == ",":
            members.append(_operand(self.take()))
        return members


def _operand(token: str) -> Operand:
    if token.startswith("#"):
        return lambda item, names, _values: (item or {}).get(names[token])
    if token.startswith(":"):
        return lambda _item, _names, values: values[token]
    raise UnsupportedError(token)


def updated(text: str, item: Item, names: Names, values: Item) -> dict[str, Any]:
    """Return an item after an update expression (SET to a value, ADD of numbers, REMOVE)."""
    after = dict(item)
    for clause, changes in _clauses(text):
        for change in changes:
            name = names[change[0]]
            if clause == "REMOVE":
                after.pop(name, None)
            elif clause == "SET":
                after[name] = values[change[1]]
            else:
                after[name] = _sum(item.get(name), values[change[1]])
    return after


def _sum(before: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sum of two numbers, or the union of two sets."""
    ((kind, value),) = more.items()
    if kind == "N":
        return {"N": str(int((before or {"N": "0"})["N"]) + int(value))}
    if kind == "NS":
        return {"NS": sorted({*(before or {"NS": ()})["NS"], *value}, key=int)}
    if kind == "SS":
        return {"SS": sorted({*(before or {"SS": ()})["SS"], *value})}
    raise UnsupportedError(f"ADD of {kind}")


@cache
def _clauses(text: str) -> Sequence[tuple[str, Sequence[Sequence[str]]]]:
    words = re.split(r"\b(SET|ADD|REMOVE)\b", text)
    clauses = list(zip(words[1::2], words[2::2], strict=True))
    forms = {"SET": r"(#\w+) = (:\w+)", "ADD": r"(#\w+) (:\w+)", "REMOVE": r"(#\w+)"}
    found = []
    for clause, changes in clauses:
        matches = [re.fullmatch(forms[clause], change.strip()) for change in changes.split(",")]
        if not all(matches):
            raise UnsupportedError(text)
        found.append((clause, [match.groups() for match in matches if match]))
    if words[0].strip() or not found:
        raise UnsupportedError(text)
    return found


def placeholders(*texts: str | None) -> frozenset[str]:
    """Return every `#name` and `:value` in expressions."""
    return _placeholders(" ".join(text for text in texts if text))


@cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[#:]\w+", text))
