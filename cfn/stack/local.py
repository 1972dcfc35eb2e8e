"""The whole stack on this machine: ministack plays AWS, and the same template is deployed to it."""

import contextlib
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from cfn.package.build import build_package
from cfn.package.platforms import named
from cfn.stack.aws import emulated
from cfn.stack.deploy import Wanted, deploy
from storage.embedded import emulator

STACK: Final = "events-api-local"


def serve(port: int, parameters: Mapping[str, str], console: Console) -> None:
    """Deploy to an emulator on that port, and keep it until Ctrl-C or SIGTERM; everything is forgotten then."""
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as folder:
        console.print("Building the package ...")
        package = build_package(named("host"), Path(folder))
        with emulator(port) as endpoint:
            url = deploy(emulated(endpoint), Wanted(STACK, parameters, throw_away=True), package, console)
            console.print(f"\nThe API answers at {url}/ until Ctrl-C.", soft_wrap=True, highlight=False)
            signal.pause()
    console.print("Stopped.")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
