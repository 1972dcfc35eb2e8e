"""The commands `events-api export` and `events-api import`."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import BinaryIO, Final

from storage import place
from storage.durable.log import sync
from storage.dynamodb.access import UNTRANSLATED
from storage.embedded import EmulatorError
from storage.errors import Unavailable
from storage.status_line import StatusLine
from storage.transfer.export import export
from storage.transfer.form import KINDS, FormError
from storage.transfer.load import Check, Load, Loaded, lines_of

COMMANDS: Final = ("export", "import")

COMPLETE: Final = 0
INCOMPLETE: Final = 1
NOT_DONE: Final = 2

#: The data folder of the service, unless an option names another.
DEFAULT_FOLDER: Final = Path(".events-api")

_PLACE: Final = """\
Without --data, --store or --stack, the data is where `events-api` would keep it: in the store that
AWS_ENDPOINT_URL_DYNAMODB names, or else in .events-api. The form of the file is described in storage/README.md."""

_EXPORT: Final = f"""\
Write all users, events and registrations to a file, or to stdout, as JSON lines. The service may write meanwhile: each
event is exported as of one moment.

{_PLACE}

exit code:
  0  the export is complete
  1  it is written, but with the gaps that are listed: damaged data, or an event that never stopped changing
  2  it failed; nothing was written to the file, and one of that name is as it was"""

_IMPORT: Final = f"""\
Add the users, events and registrations of an export. Nothing that exists is overwritten, and no line can break a rule
of the service: one that would is refused, and listed with its number and the reason. What is there already is skipped,
so that the same file can be imported again: to go on after an interruption, or when lines were corrected.

{_PLACE}

exit code:
  0  all lines are imported, or were there already
  1  lines were refused; all others are imported
  2  it failed or was interrupted; what was imported until then is kept"""


def main(arguments: Sequence[str], check: Check) -> int:
    """Run a command and return its exit code; `check` is as for `Load`."""
    options = _parser().parse_args(arguments)
    status = StatusLine(sys.stderr)
    try:
        if options.command == "export":
            return _export(options, status)
        return _import(options, check, status)
    except (FormError, Unavailable, EmulatorError, LookupError, *UNTRANSLATED) as error:
        status.print(f"events-api {options.command}: {_explained(error)}")
    except BrokenPipeError:
        # The reader of stdout has gone; Python would complain when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status.print("events-api export: the output was closed before the export was complete")
    except OSError as error:
        status.print(f"events-api {options.command}: {error.strerror}: {options.file}, or a file in {gettempdir()}")
    except KeyboardInterrupt:
        status.print(f"events-api {options.command}: interrupted. {_AGAIN[options.command]}")
    return NOT_DONE


_AGAIN: Final = {
    "export": "Nothing was written to the file.",
    "import": "What was imported is kept: run the same command again to go on.",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="events-api")
    commands = parser.add_subparsers(required=True, dest="command")
    for name, text, summary in (
        ("export", _EXPORT, "write all data to a file"),
        ("import", _IMPORT, "add such a file"),
    ):
        command = commands.add_parser(
            name, help=summary, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        direction = "stdout" if name == "export" else "stdin"
        command.add_argument("file", nargs="?", default="-", metavar="FILE", help=f"- is {direction} (default)")
        place.add_options(command)
    return parser


def _export(options: argparse.Namespace, status: StatusLine) -> int:
    gaps = 0

    def report(gap: str) -> None:
        nonlocal gaps
        gaps += 1
        status.print(gap)

    with (
        _output(options.file) as out,
        place.opened(options, folder=DEFAULT_FOLDER, report=status.print) as (tables, where, _alone),
    ):
        status.print(f"Exporting from {where}.")
        counts = export(tables, out, report, lambda counts: status.show(lambda: f"{_numbers(counts)} so far"))
    target = "" if options.file == "-" else f" to {options.file}"
    missing = f" {gaps} gaps: see above, and `python -m storage audit`." if gaps else ""
    status.print(f"Exported {_numbers(counts)}{target} in {status.seconds:.0f} s.{missing}")
    return INCOMPLETE if gaps else COMPLETE


@contextmanager
def _output(file: str) -> Iterator[BinaryIO]:
    """Yield stdout, or a file that gets its name when it is complete and on the disk; only its owner may read it."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as unfinished:
        try:
            yield unfinished  # type: ignore[misc] # a wrapper with the methods of the file
            unfinished.flush()
            sync(unfinished.fileno())
            Path(unfinished.name).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(unfinished.name).unlink()


def _import(options: argparse.Namespace, check: Check, status: StatusLine) -> int:
    with (
        sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as source,
        place.opened(options, folder=DEFAULT_FOLDER, create=True, report=status.print) as (tables, where, alone),
    ):
        status.print(f"Importing into {where}.")
        load = Load(tables, check, lambda number, reason: status.print(f"line {number}: {reason}"), alone=alone)
        progress = _progress(source, load.loaded)
        try:
            load.run(_watched(lines_of(source), lambda: status.show(progress)))
        finally:
            status.print(f"{_summary(load.loaded)} in {status.seconds:.0f} s.")
    return INCOMPLETE if load.loaded.refused else COMPLETE


def _watched(lines: Iterator[bytes], show: Callable[[], object]) -> Iterator[bytes]:
    for line in lines:
        show()
        yield line


def _progress(source: BinaryIO, loaded: Loaded) -> Callable[[], str]:
    """Return what describes the progress: a part of a file of known size, or the number of lines."""
    size = os.fstat(source.fileno()).st_size if source.seekable() else 0

    def progress() -> str:
        share = f"{100 * source.tell() // size} %, " if size else ""
        return f"{share}line {loaded.lines:,}, {_numbers(loaded.written)} imported"

    return progress


def _summary(loaded: Loaded) -> str:
    present = f"; {_numbers(loaded.present)} were there already" if loaded.present else ""
    refused = f"; {loaded.refused:,} refusals" if loaded.refused else ""
    return f"Imported {_numbers(loaded.written)}{present}{refused}"


def _numbers(counts: Mapping[str, int] | Counter[str]) -> str:
    *most, last = [f"{counts.get(kind, 0):,} {name}" for kind, name in KINDS.items()]
    return f"{', '.join(most)} and {last}"


def _explained(error: Exception) -> str:
    return str(error) or "other writes kept changing the same items; run the command again"
