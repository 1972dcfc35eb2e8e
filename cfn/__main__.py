"""The command line of the deployment: `python -m cfn`."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Recipe, build_package
from cfn.package.checkout import ROOT, require_checkout
from cfn.package.lock import LOCK, write_lock
from cfn.package.platforms import PLATFORM_NAMES, get_platform
from cfn.package.sizes import print_package, print_report
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy, preview
from cfn.stack.destroy import destroy
from cfn.stack.explain import explain
from cfn.stack.local import serve
from cfn.stack.logs import show_logs
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings, parse_parameters
from cfn.template.build import build_template, release_id
from storage.embedded import EmulatorError, exempt_loopback

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse exports no other name
_Run: TypeAlias = Callable[[argparse.Namespace, Console], object]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    exempt_loopback()
    try:
        if options.needs_checkout:
            require_checkout(options.command)
        options.run(options, Console())
    except (CommandError, EmulatorError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"error: {explain(error)}", file=sys.stderr)
    except KeyboardInterrupt as interruption:
        print(f"error: {str(interruption) or 'Interrupted: nothing has begun on AWS.'}", file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cfn", description="Package the Events API, deploy it as a stack on AWS, and watch it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_build_commands(commands)
    _add_stack_commands(commands)
    return parser


def _add_build_commands(commands: _Commands) -> None:
    template = _add(commands, "template", "print the CloudFormation template", _template, needs_checkout=False)
    template.add_argument("--yaml", action="store_true", help="print YAML instead of JSON")
    _add_throw_away(template)

    package = _add(commands, "package", "build the zip that Lambda runs", _package)
    package.add_argument(
        "--platform", choices=PLATFORM_NAMES, default="lambda", help="target: Lambda (default) or this machine"
    )
    package.add_argument("--output", type=Path, default=ROOT / "build", help="folder for the zip, build/ by default")
    package.add_argument("--report", action="store_true", help="print the size of each part and the import time")

    _add(commands, "lock", "resolve the runtime dependencies again and write cfn/package/runtime.lock", _lock)


def _add_stack_commands(commands: _Commands) -> None:
    put = _add(commands, "deploy", "create or update a stack", _deploy)
    _add_stack(put)
    _add_parameter(put)
    put.add_argument("--bucket", help="bucket for the package; by default a private one, created if needed")
    put.add_argument("--plan", action="store_true", help="print what would change, and change nothing")
    put.add_argument("--platform", choices=PLATFORM_NAMES, help="lambda by default, host if AWS is an emulator")
    _add_throw_away(put)

    back = _add(commands, "rollback", "lead the traffic back to the version before", _rollback, needs_checkout=False)
    _add_stack(back)

    down = _add(commands, "destroy", "delete a stack", _destroy, needs_checkout=False)
    _add_stack(down)
    down.add_argument("--yes", action="store_true", help="delete without confirmation")

    logs = _add(commands, "logs", "print the last hour of the service's log", _logs, needs_checkout=False)
    _add_stack(logs)
    logs.add_argument("--follow", action="store_true", help="continue until Ctrl-C")

    local = _add(commands, "local", "run the whole stack on this machine", _local)
    local.add_argument("--port", type=_port, default=4566, help="port of the emulator on 127.0.0.1, 4566 by default")
    _add_parameter(local)


def _add(
    commands: _Commands, name: str, text: str, run: _Run, *, needs_checkout: bool = True
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.set_defaults(run=run, needs_checkout=needs_checkout)
    return command


def _add_stack(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stack", required=True, metavar="NAME", help="name of the stack")


def _add_parameter(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the template, repeatable; `python -m cfn template` lists them",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 65535:  # noqa: PLR2004 - the last port
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid port: use a number from 1 to 65535")
    return int(text)


def _add_throw_away(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--throw-away", action="store_true", help="delete the tables with the stack, and do not protect them"
    )


def _template(options: argparse.Namespace, _console: Console) -> None:
    template = build_template(release_id({}), throw_away=options.throw_away)
    print(template.to_yaml() if options.yaml else json.dumps(template.to_dict(), indent=2))


def _package(options: argparse.Namespace, console: Console) -> None:
    package = build_package(get_platform(options.platform), options.output)
    print_package(package, console)
    if options.report:
        print_report(package, console)


def _lock(_options: argparse.Namespace, console: Console) -> None:
    console.print(f"{LOCK.relative_to(ROOT)} pins {write_lock()} packages.", highlight=False)


def _deploy(options: argparse.Namespace, console: Console) -> None:
    aws = Aws()
    platform = options.platform or ("host" if aws.emulator_url else "lambda")
    code = Recipe(get_platform(platform), ROOT / "build")
    chosen = parse_parameters(options.parameter)
    settings = StackSettings(options.stack, chosen, bucket=options.bucket, throw_away=options.throw_away)
    if options.plan:
        preview(aws, settings, code, console)
    else:
        deploy(aws, settings, code, console)


def _rollback(options: argparse.Namespace, console: Console) -> None:
    roll_back(Aws(), options.stack, console)


def _destroy(options: argparse.Namespace, console: Console) -> None:
    destroy(Aws(), options.stack, console, confirmed=options.yes)


def _logs(options: argparse.Namespace, console: Console) -> None:
    show_logs(Aws(), options.stack, console, follow=options.follow)


def _local(options: argparse.Namespace, console: Console) -> None:
    serve(options.port, parse_parameters(options.parameter), console)


if __name__ == "__main__":
    sys.exit(main())
