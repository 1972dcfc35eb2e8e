"""The one exception whose text is meant for the person at the terminal."""


class CommandError(Exception):
    """Says in one line what is wrong and what to do about it; the command ends with exit code 1."""
