"""Runs the whole stack on this machine: deploys the same template to ministack, an emulator of AWS."""

import contextlib
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from cfn.package.build import build_package
from cfn.package.platforms import get_platform
from cfn.stack.aws import emulator_account
from cfn.stack.deploy import deploy
from cfn.stack.settings import StackSettings
from storage.embedded import emulator, require_free

STACK: Final = "events-api-local"


def serve(port: int, parameters: Mapping[str, str], console: Console) -> None:
    """Deploy to an emulator on `port` and serve until Ctrl-C or SIGTERM; nothing is kept afterwards."""
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        require_free(port)  # Before the package is built.
        console.print("Building the package ...")
        tokens = bool(parameters.get("JwtIssuer"))
        package = build_package(get_platform("host"), Path(folder), tokens=tokens)
        with emulator(port) as endpoint:
            settings = StackSettings(STACK, parameters, throw_away=True)
            url = deploy(emulator_account(endpoint), settings, package, console)
            console.print(f"\nThe API answers at {url}/ until Ctrl-C.", soft_wrap=True, highlight=False)
            signal.pause()
    console.print("Stopped.")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
