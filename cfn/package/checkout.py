"""The checkout of the project that packages and the lock are built from."""

from pathlib import Path
from typing import Final

#: The root of the checkout.
ROOT: Final = Path(__file__).parents[2]
