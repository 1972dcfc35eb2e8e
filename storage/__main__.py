"""The command line: `python -m storage audit`."""

import argparse
import json
import sys
from collections.abc import Iterator
from textwrap import indent
from typing import Final

from storage import place
from storage.audit import audit, reads
from storage.audit.findings import ADVICE, Kind
from storage.audit.progress import Progress
from storage.audit.repair import REPAIRS, Outcome, repair
from storage.dynamodb.access import UNTRANSLATED
from storage.dynamodb.tables import Tables
from storage.embedded import EmulatorError
from storage.errors import Unavailable
from storage.schema import TABLE_VARIABLES

CLEAN: Final = 0
VIOLATED: Final = 1
NOT_DONE: Final = 2

_DESCRIPTION: Final = """\
Read all tables and report every violation of the service's promises: no event is oversold, nobody in a queue is
skipped or forgotten, and every count equals the number of its items. The service may run meanwhile."""

_REPAIRED: Final = indent("\n".join(REPAIRS), "  ")

_EPILOG: Final = f"""\
The tables are named by EVENTS_TABLE, USERS_TABLE and REGISTRATIONS_TABLE, or are those of --stack; credentials, region
and endpoint come from the usual AWS settings, unless --data or --store names a local store. Findings go to stdout, one
per line; progress and summary to stderr.

With --repair, these kinds are repaired: a crash or a defect of the service can cause them, and no repair takes a seat
or a registration from a user (the number in a registration decides its place):
{_REPAIRED}
All other kinds are reported with advice for the operator.

exit code:
  0  no violations were found, or all of them were repaired
  1  violations are left
  2  the audit failed, or some events were not judged; the message gives the reason
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        with place.opened(options, report=_report) as (tables, *_):
            return _audit(tables, options)
    except (Unavailable, EmulatorError, LookupError, *UNTRANSLATED) as error:
        print(f"error: {_explained(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; the repairs made so far are kept.", file=sys.stderr)
    return NOT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m storage", description="Tools for the tables of the service.")
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "audit",
        help="check the tables, and repair them with --repair",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--repair",
        action="store_true",
        help="repair the kinds of violations that are listed below; without it nothing is written",
    )
    command.add_argument("--json", action="store_true", help="write each finding as a JSON object on one line")
    place.add_options(command)
    return parser


def _report(loading: str) -> None:
    print(loading, file=sys.stderr)


def _audit(tables: Tables, options: argparse.Namespace) -> int:
    progress = Progress(tables, reads.sizes(tables))
    counts = {"found": 0, "repaired": 0, "left": 0, "not judged": 0}
    for outcome in repair(tables) if options.repair else _unrepaired(tables):
        judged = outcome.violation.kind is not Kind.NOT_JUDGED
        counts["found"] += judged
        counts["repaired" if outcome.repaired else "left" if judged else "not judged"] += 1
        progress.print(_line(outcome, as_json=options.json), lambda line: print(line, flush=True))
    repaired = f", {counts['repaired']} repaired, {counts['left']} left" if options.repair else ""
    unjudged = f"; {counts['not judged']} not judged because of constant writes" if counts["not judged"] else ""
    summary = f"{counts['found']} violations found{repaired}{unjudged}. {progress}."
    progress.print(summary, lambda line: print(line, file=sys.stderr))
    if counts["left"]:
        return VIOLATED
    return NOT_DONE if counts["not judged"] else CLEAN


def _unrepaired(tables: Tables) -> Iterator[Outcome]:
    return (Outcome(violation, repaired=False) for violation in audit(tables))


def _line(outcome: Outcome, *, as_json: bool) -> str:
    violation, advice = outcome.violation, ADVICE.get(outcome.violation.kind)
    if as_json:
        more = {"advice": advice} if advice else {}
        return json.dumps({**violation.as_dict(), "repaired": outcome.repaired, **more})
    if outcome.repaired:
        return f"{violation} - repaired"
    return f"{violation} - {advice}" if advice else str(violation)


def _explained(error: Exception) -> str:
    """Return the cause of a failure and advice."""
    cause = str(error) or "other writes kept changing the same items; run the audit again"
    if "ResourceNotFoundException" in cause:
        return f"{cause}; set {', '.join(TABLE_VARIABLES.values())}, or use --stack, --store or --data"
    if "AccessDenied" in cause:
        return f"{cause}; storage/README.md lists the permissions that an audit needs"
    return cause


if __name__ == "__main__":
    sys.exit(main())
