"""The exceptions whose text is printed to the user of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager


class CommandError(Exception):
    """A command failed; the message is one line with the cause and the remedy, and the exit code is 1."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C; the message says what has begun on AWS and what has not."""


@contextmanager
def if_interrupted(message: str) -> Iterator[None]:
    """Give Ctrl-C within this context a message, unless it has a more exact one."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(message) from None
