"""Who makes the requests of a history if the service requires tokens: callers who may, and some who may not."""

import random
from collections.abc import Mapping
from typing import Final

from tests.apparatus.issuer import ADMIN, ORGANIZER, Issuer, bearer
from tests.linearizability.state import Call, Caller

PEOPLE: Final = ("ann", "bob", "cat", "dan", "eve", "fay")

#: Relative frequencies of callers; an update has no person whom it is about.
_WEIGHTS: Final[Mapping[Caller, int]] = {
    "person": 48,
    "organizer": 24,
    "admin": 14,
    "another organizer": 7,
    "another person": 4,
    "nobody": 3,
}


class Callers:
    """The callers of one history, with their tokens; without an issuer, anybody makes every request.

    `leaver` is the person of this history alone, who may leave for good.
    """

    def __init__(self, issuer: Issuer | None = None, leaver: str = "") -> None:
        """Get a token for each."""
        self.leaver = leaver
        self.required = issuer is not None
        self._people: Mapping[str, Mapping[str, str]] = {}
        self._others: Mapping[Caller, Mapping[str, str]] = {}
        if issuer:
            self._people = {user: bearer(issuer.token(user)) for user in (*PEOPLE, leaver)}
            self._others = {
                "organizer": bearer(issuer.token("olga", ORGANIZER)),
                "admin": bearer(issuer.token("ada", ADMIN)),
                "another organizer": bearer(issuer.token("otto", ORGANIZER)),
                "another person": bearer(issuer.token("zoe")),
            }

    def choose(self, call: Call, dice: random.Random) -> Caller:
        """Choose who makes a request; reading the event needs no token."""
        if not self.required or call.name == "get event":
            return "anybody"
        weights = {caller: weight for caller, weight in _WEIGHTS.items() if call.user or caller != "person"}
        (caller,) = dice.choices(list(weights), list(weights.values()))
        return caller

    def headers(self, caller: Caller, user: str = "") -> Mapping[str, str]:
        """Return the headers of a caller; `user` is the person whom the request is about."""
        return self._people.get(user, {}) if caller == "person" else self._others.get(caller, {})
