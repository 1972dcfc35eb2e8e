"""The commands `events-api export` and `import`, whose files are checked by the contract's models."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import MISSING, Field, ValidationError

from handlers.models import Request, Timestamp
from handlers.models.requests import EventId, EventInput, RegistrationInput, UserId, UserInput
from storage.transfer import command

COMMANDS: Final = command.COMMANDS


class _User(UserInput):
    user_id: Annotated[UserId, Field(alias="userId")]
    created_at: Annotated[Timestamp, Field(alias="createdAt")]


class _Event(EventInput):
    event_id: Annotated[EventId, Field(alias="eventId")]
    version: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    created_at: Annotated[Timestamp, Field(alias="createdAt")]
    updated_at: Annotated[Timestamp, Field(alias="updatedAt")]


class _Registration(RegistrationInput):
    user_id: Annotated[UserId, Field(alias="userId")]
    status: str
    registered_at: Annotated[Timestamp, Field(alias="registeredAt")]
    promoted_at: Annotated[Timestamp | MISSING, Field(alias="promotedAt")] = MISSING


_MODELS: Final[Mapping[str, type[Request]]] = {"user": _User, "event": _Event, "registration": _Registration}


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    return command.main(arguments, check)


def check(document: Mapping[str, Any]) -> str | None:
    """Return which value of an exported object the contract does not allow, and why; None if it allows all."""
    model = _MODELS.get(document["type"])
    if model is None:
        return None
    try:
        model.model_validate({name: value for name, value in document.items() if name != "type"})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        # The message of a pattern is the pattern.
        mismatch = first["type"] == "string_pattern_mismatch"
        return f"{first['loc'][0]}: {'has characters that it may not have' if mismatch else first['msg']}"
    return None
