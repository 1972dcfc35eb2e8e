"""The checkout of the project that packages and the lock are built from."""

from pathlib import Path
from typing import Final

from cfn.errors import CommandError

#: The root of the checkout or, if this module is installed from a wheel, the folder of installed packages.
ROOT: Final = Path(__file__).parents[2]

_REQUIRED: Final = ("pyproject.toml", "openapi.yaml")


def require_checkout(command: str) -> None:
    """Raise `CommandError` if `cfn` runs from installed packages, which lack the files that `command` reads."""
    if missing := [name for name in _REQUIRED if not (ROOT / name).is_file()]:
        raise CommandError(
            f"`{command}` needs a checkout of the project: {' and '.join(missing)} not found in {ROOT}; "
            "run it in the root folder of a clone."
        )
