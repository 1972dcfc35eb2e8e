"""The command line: `python -m storage audit`."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.audit import audit, reads
from storage.audit.findings import ADVICE, Kind
from storage.audit.progress import Progress
from storage.audit.repair import Outcome, repair
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.errors import Unavailable
from storage.schema import TABLE_VARIABLES

CLEAN: Final = 0
VIOLATED: Final = 1
NOT_DONE: Final = 2

_DESCRIPTION: Final = """\
Read all tables, and report every place where they break what the service promises: nobody is oversold, skipped or
forgotten, and every count is that of the items. It may run while the service does."""

_EPILOG: Final = """\
The tables are those that EVENTS_TABLE, USERS_TABLE and REGISTRATIONS_TABLE name, or those of --stack; credentials,
region and endpoint are found as by every AWS tool. Findings go to stdout, one a line; progress and the sum to stderr.

exit code:
  0  nothing was found, or all of it was mended
  1  violations were found, and are left
  2  it could not be done, or not for every event: the message says why
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _audit(options)
    except (Unavailable, BotoCoreError, ClientError, LookupError) as error:
        print(f"error: {_explained(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; what was mended stays so.", file=sys.stderr)
    return NOT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m storage", description="The registrations ledger.")
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "audit",
        help="check the tables, and mend them on request",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--repair",
        action="store_true",
        help="mend what can be mended without taking a seat or a place from anybody; without it nothing is written",
    )
    command.add_argument("--json", action="store_true", help="write each finding as a JSON object, one a line")
    place = command.add_mutually_exclusive_group()
    place.add_argument("--stack", metavar="NAME", help="audit the tables of this CloudFormation stack")
    place.add_argument("--store", metavar="URL", help="audit the store that a running events-api says it has started")
    return parser


def _audit(options: argparse.Namespace) -> int:
    tables = _tables(options)
    progress = Progress(tables, reads.sizes(tables))
    kinds = {"found": 0, "mended": 0, "left": 0, "not judged": 0}
    for outcome in repair(tables) if options.repair else _unrepaired(tables):
        judged = outcome.violation.kind is not Kind.NOT_JUDGED
        kinds["found"] += judged
        kinds["mended" if outcome.mended else "left" if judged else "not judged"] += 1
        progress.say(_line(outcome, as_json=options.json), lambda line: print(line, flush=True))
    mended = f", {kinds['mended']} mended, {kinds['left']} left" if options.repair else ""
    unjudged = f"; {kinds['not judged']} kept changing and could not be judged" if kinds["not judged"] else ""
    summary = f"{kinds['found']} violations found{mended}{unjudged}. {progress}."
    progress.say(summary, lambda line: print(line, file=sys.stderr))
    if kinds["left"]:
        return VIOLATED
    return NOT_DONE if kinds["not judged"] else CLEAN


def _unrepaired(tables: Tables) -> Iterator[Outcome]:
    return (Outcome(violation, mended=False) for violation in audit(tables))


def _line(outcome: Outcome, *, as_json: bool) -> str:
    violation, advice = outcome.violation, ADVICE.get(outcome.violation.kind)
    if as_json:
        return json.dumps({**violation.as_dict(), "mended": outcome.mended, **({"advice": advice} if advice else {})})
    if outcome.mended:
        return f"{violation} - mended"
    return f"{violation} - {advice}" if advice else str(violation)


def _tables(options: argparse.Namespace) -> Tables:
    environ: Mapping[str, str] = os.environ
    # An audit has more time than a request.
    access: dict[str, Any] = {"config": Config(retries={"mode": "standard", "total_max_attempts": 5})}
    if options.store:
        access |= {**EMULATOR_ACCESS, "endpoint_url": options.store}
    if options.stack:
        environ = stack_tables(boto3.client("cloudformation"), options.stack)
    return Tables.connect(environ, **access)


def stack_tables(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return the names of a stack's tables, by the environment variables that name them to the service.

    Raises:
        LookupError: It lacks one of them.

    """
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    names = {found["LogicalResourceId"]: found["PhysicalResourceId"] for found in resources}
    missing = [f"{table}Table" for table in TABLE_VARIABLES if f"{table}Table" not in names]
    if missing:
        raise LookupError(f"the stack {stack} has no {', '.join(missing)}: is it one of this service?")
    return {variable: names[f"{table}Table"] for table, variable in TABLE_VARIABLES.items()}


def _explained(error: Exception) -> str:
    """Return what is wrong, and what to do about it."""
    said = str(error) or "others kept changing the same items; run it again"
    if "ResourceNotFoundException" in said:
        return f"{said}; name them with {', '.join(TABLE_VARIABLES.values())}, --stack or --store."
    if "AccessDenied" in said:
        return f"{said}, and with what the README says that an audit needs."
    return said


if __name__ == "__main__":
    sys.exit(main())
