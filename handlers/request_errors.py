"""Reasons to refuse a request regardless of the store's content; `handlers.problems` has the answer to each."""

from typing import Final

from handlers.models.answers import FieldError

MAX_BODY_BYTES: Final = 64 * 1024

#: Maximum number of errors that an answer lists.
MAX_ERRORS: Final = 100


class RequestRefused(Exception):  # noqa: N818 - an answer to the client, not an error of the service
    """The request itself can't be accepted."""


class MalformedBody(RequestRefused):
    """The body is not JSON in UTF-8, for the given `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BodyTooLarge(RequestRefused):
    """The body is larger than 64 KiB."""


class WrongMediaType(RequestRefused):
    """The declared media type of the body is not JSON, or the body is compressed."""


class EventIdMismatch(RequestRefused):
    """The body names a different event from the path."""


class InvalidRequest(RequestRefused):
    """The request does not match the contract; `errors` are FieldErrors of the contract, all or the first of them."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()  # No arguments: the names in `errors` may be a client's own, and must not reach a traceback.
        self.errors = errors
        many = f"{len(errors)} things are" if len(errors) <= MAX_ERRORS else f"More than {MAX_ERRORS} things are"
        self.count = many if len(errors) > 1 else "One thing is"
