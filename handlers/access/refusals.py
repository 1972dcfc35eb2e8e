"""Reasons to refuse a caller; `handlers.problems` has the answer to each."""

from handlers.request_errors import RequestRefused


class AccessRefused(RequestRefused):
    """The caller may not do this; `challenge` is the header `WWW-Authenticate` of the answer (RFC 6750, 3)."""

    challenge: str | None = None


class Unauthenticated(AccessRefused):
    """There is no valid token; `reason` says what to do, and `code` is the error code of RFC 6750 if there is one."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.challenge = 'Bearer realm="events-api"'
        if code:
            description = reason.replace('"', "'")
            self.challenge += f', error="{code}", error_description="{description}"'


class RoleMissing(AccessRefused):
    """The operation is for organizers, and the token is not one of theirs."""

    challenge = 'Bearer realm="events-api", error="insufficient_scope"'


class SomebodyElse(AccessRefused):
    """A person asks for, or changes, what belongs to another person."""


class NotAdministrator(AccessRefused):
    """An organizer deletes another person, which only an administrator may."""


class IssuerUnavailable(RequestRefused):
    """The keys of the issuer can't be had now, and there are none from before."""
