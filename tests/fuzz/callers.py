"""Callers of a service with tokens: each case is sent by one of them, and the answer must be right for that one."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import schemathesis
from schemathesis import Case, CheckContext
from schemathesis.auths import AuthContext
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

#: The organizer of an event may do everything at it; what others ask for is mostly refused, so most cases are hers.
_SHARES: Final = 8


@dataclass(frozen=True)
class Caller:
    """A caller, and their token."""

    user_id: str
    token: str = field(repr=False)
    organizer: bool = False
    admin: bool = False


class Callers:
    """Sends each case as one of the callers, the first most often, and knows who owns which event.

    The content of a case decides who sends it, so that a seed repeats a run.
    """

    def __init__(self, first: Caller, *others: Caller) -> None:
        """Take the callers."""
        self._turns = [*[first] * (_SHARES - len(others)), *others]
        self._known = {f"Bearer {caller.token}": caller for caller in (first, *others)}
        self.owners: dict[str, str] = {}

    def send(self, schema: Any) -> None:
        """Send the cases of a schema, and verify by `ignored_auth` that they are refused without a token."""
        schema.auth.providers.append(self)
        schema.config.checks.ignored_auth.enabled = True

    def get(self, case: Case[Any], _context: AuthContext) -> str:
        content = repr((case.operation.label, case.path_parameters, case.query, case.body))
        return self._turns[zlib.crc32(content.encode(errors="surrogatepass")) % len(self._turns)].token

    def set(self, case: Case[Any], token: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {token}"

    def of(self, response: Response) -> Caller | None:
        """Return who has sent the request of a response."""
        return self._known.get(str(response.request.headers.get("Authorization")))


def _callers(case: Case[Any]) -> Callers | None:
    """Return the callers of a run, or None if it has no tokens."""
    return next((it for it in case.operation.schema.auth.providers if isinstance(it, Callers)), None)


@schemathesis.check
def done_only_for_those_who_may(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Compare the caller of each request that succeeds with what the contract says of the operation."""
    known = _callers(case)
    if known is None or response.status_code >= 300:
        return
    caller = known.of(response)
    if caller and case.operation.label == "POST /events":
        known.owners[response.json()["eventId"]] = caller.user_id
    if may(case, response) is False or _foreign(known, caller, case, response):
        raise Failure(
            operation=case.operation.label,
            title="Somebody else's request is accepted",
            message=f"Sent by {caller}; the owners of events are {known.owners}",
        )


def may(case: Case[Any], response: Response) -> bool | None:
    """Return whether the contract allows a request to its caller, or None if it can't be known.

    Without a token everyone may do everything, where the service ignores them. An event that nobody has created is
    everybody's.
    """
    known = _callers(case)
    if known is None:
        return None if "Authorization" in response.request.headers else True
    caller = known.of(response)
    roles = {role for alternative in case.operation.definition.raw["security"] for role in alternative}
    if caller is None or caller.admin or not roles:
        return caller is not None or not roles
    ids = named(case)
    user_id = ids.get("userId", caller.user_id if case.method == "POST" else None)
    if not caller.organizer:
        return "person" in roles and user_id == caller.user_id
    if case.operation.label in {"POST /events", "POST /users"} or user_id == caller.user_id:
        return True
    if case.operation.label == "DELETE /users/{userId}":
        return False
    return known.owners.get(ids.get("eventId", ""), caller.user_id) == caller.user_id


def named(case: Case[Any]) -> Mapping[str, Any]:
    """Return the ids in the body and in the path of a case; the latter are quoted, unless a link has set them."""
    body = case.body if isinstance(case.body, dict) else {}
    path = {name: unquote(str(value)) for name, value in (case.path_parameters or {}).items()}
    return {**{name: body[name] for name in ("userId", "eventId") if isinstance(body.get(name), str)}, **path}


def _foreign(known: Callers, caller: Caller | None, case: Case[Any], response: Response) -> Sequence[str]:
    """Return the events in the list of a user that are another organizer's, who alone may see them there."""
    if case.operation.label != "GET /users/{userId}/registrations" or caller is None or caller.admin:
        return []
    listed = [entry["eventId"] for entry in response.json()["registrations"]]
    mine = named(case)["userId"] == caller.user_id
    return [event_id for event_id in listed if not mine and known.owners[event_id] != caller.user_id]
