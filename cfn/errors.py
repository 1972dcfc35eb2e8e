"""The exception whose text is printed to the user of the command line."""


class CommandError(Exception):
    """A command failed; the message is one line with the cause and the remedy, and the exit code is 1."""
