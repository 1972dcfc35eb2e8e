"""The arguments of `python -m cfn`: a parser with one sub-command for each command."""

import argparse
from pathlib import Path
from typing import TypeAlias

from cfn.package.checkout import ROOT
from cfn.package.platforms import PLATFORM_NAMES

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse exports no other name


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the arguments: `command` has the command's name, and `needs_checkout` is true if it reads the checkout."""
    parser = argparse.ArgumentParser(
        prog="python -m cfn", description="Package the Events API, deploy it as a stack on AWS, and watch it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_build_commands(commands)
    _add_deploy(commands)
    _add_stack_commands(commands)
    return parser.parse_args(arguments)


def _add_build_commands(commands: _Commands) -> None:
    template = _add(commands, "template", "print the CloudFormation template", needs_checkout=False)
    template.add_argument("--yaml", action="store_true", help="print YAML instead of JSON")
    _add_throw_away(template)

    package = _add(commands, "package", "build the zip that Lambda runs")
    package.add_argument(
        "--platform", choices=PLATFORM_NAMES, default="lambda", help="target: Lambda (default) or this machine"
    )
    package.add_argument("--output", type=Path, default=ROOT / "build", help="folder for the zip, build/ by default")
    package.add_argument("--tokens", action="store_true", help="with what verifies tokens, for a stack with JwtIssuer")
    package.add_argument("--report", action="store_true", help="print the size of each part and the import time")

    _add(commands, "lock", "resolve the dependencies of packages again, and write the locks in cfn/package")


def _add_deploy(commands: _Commands) -> None:
    put = _add(commands, "deploy", "create or update a stack")
    _add_stack(put)
    _add_parameters(put)
    put.add_argument("--bucket", help="bucket for the package; by default a private one, created if needed")
    put.add_argument("--plan", action="store_true", help="print what would change, and change nothing")
    put.add_argument("--platform", choices=PLATFORM_NAMES, help="lambda by default, host if AWS is an emulator")
    put.add_argument(
        "--tag", action="append", default=[], metavar="KEY=VALUE", help="set a tag of every resource, repeatable"
    )
    _add_role(put)
    _add_throw_away(put)


def _add_stack_commands(commands: _Commands) -> None:
    back = _add(commands, "rollback", "lead the traffic back to the version before", needs_checkout=False)
    _add_stack(back)
    _add_role(back)

    down = _add(commands, "destroy", "delete a stack", needs_checkout=False)
    _add_stack(down)
    _add_role(down)
    down.add_argument("--yes", action="store_true", help="delete without confirmation")

    logs = _add(commands, "logs", "print the last hour of the service's log", needs_checkout=False)
    _add_stack(logs)
    logs.add_argument("--follow", action="store_true", help="continue until Ctrl-C")

    again = _add(commands, "redrive", "send webhooks again that failed, and notifications", needs_checkout=False)
    _add_stack(again)

    policy = _add(commands, "policy", "print the IAM policy that the person who deploys needs", needs_checkout=False)
    _add_stack(policy)
    policy.add_argument("--bucket", help="bucket for the package, as for `deploy`")
    policy.add_argument("--role-arn", metavar="ARN", help="leave out what this role, given to `deploy`, does instead")
    policy.add_argument("--for-role", action="store_true", help="print the policy of that role")

    local = _add(commands, "local", "run the whole stack on this machine")
    local.add_argument("--port", type=_port, default=4566, help="port of the emulator on 127.0.0.1, 4566 by default")
    _add_parameters(local)


def _add(commands: _Commands, name: str, text: str, *, needs_checkout: bool = True) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.set_defaults(needs_checkout=needs_checkout)
    return command


def _add_stack(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stack", required=True, metavar="NAME", help="name of the stack")


def _add_parameters(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--parameters", type=Path, metavar="FILE", help="set the parameters of a JSON file, such as that of production"
    )
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the template, repeatable; `python -m cfn template` lists them",
    )


def _add_role(command: argparse.ArgumentParser) -> None:
    command.add_argument("--role-arn", metavar="ARN", help="role that CloudFormation changes the resources with")


def _add_throw_away(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--throw-away", action="store_true", help="delete the tables with the stack, and do not protect them"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 65535:  # noqa: PLR2004 - the last port
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid port: use a number from 1 to 65535")
    return int(text)
