"""The platforms that packages are built for: Lambda, and the interpreter that runs this command."""

import platform
import sys
from dataclasses import dataclass
from typing import Final

from cfn.errors import CommandError


@dataclass(frozen=True)
class Platform:
    """A processor architecture, a minor version of Python, and pip's tags for wheels that run there."""

    name: str
    architecture: str
    python: tuple[int, int]
    tags: tuple[str, ...]

    @property
    def pip_options(self) -> list[str]:
        """Return the options that make pip select wheels for this platform instead of its own."""
        tags = [option for tag in self.tags for option in ("--platform", tag)]
        return [*tags, "--python-version", "{}.{}".format(*self.python), "--implementation", "cp"]


def _linux(name: str, machine: str, python: tuple[int, int]) -> Platform:
    # pip takes each tag literally: it does not infer that a manylinux_2_28 platform runs manylinux2014 wheels.
    architecture = "arm64" if machine == "aarch64" else machine
    return Platform(name, architecture, python, (f"manylinux_2_28_{machine}", f"manylinux2014_{machine}"))


def _mac(machine: str, python: tuple[int, int]) -> Platform:
    architecture = "arm64" if machine == "arm64" else "x86_64"
    return Platform("host", architecture, python, (f"macosx_14_0_{machine}",))


#: Python 3.13 on Amazon Linux 2023, which has glibc 2.34.
LAMBDA: Final = _linux("lambda", "aarch64", (3, 13))
PLATFORM_NAMES: Final = ("lambda", "host")
_PYTHONS: Final = ((3, 11), (3, 12), (3, 13), (3, 14))
#: The platforms for whose wheels the lock has hashes.
LOCKED: Final = (
    LAMBDA,
    *(_linux("host", machine, python) for machine in ("aarch64", "x86_64") for python in _PYTHONS),
    *(_mac(machine, python) for machine in ("arm64", "x86_64") for python in _PYTHONS),
)


def get_platform(name: str) -> Platform:
    """Return the platform; raise `CommandError` for `host` if the lock has no wheels for this machine."""
    return LAMBDA if name == "lambda" else _host()


def _host() -> Platform:
    system, machine, python = platform.system(), platform.machine(), sys.version_info[:2]
    made = {"Linux": lambda: _linux("host", machine, python), "Darwin": lambda: _mac(machine, python)}.get(system)
    if made is None or (found := made()) not in LOCKED:
        raise CommandError(
            f"The lock has no wheels for {system} {machine}, Python {python[0]}.{python[1]}: "
            "use Linux or macOS and a Python from 3.11 to 3.14."
        )
    return found
