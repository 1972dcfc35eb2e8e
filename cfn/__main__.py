"""The command line: `python -m cfn`."""

import argparse
import json
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package, build_package
from cfn.package.lock import LOCK, ROOT, write_lock
from cfn.package.platforms import NAMES, named
from cfn.package.sizes import report
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import Wanted, deploy, parse_parameters
from cfn.stack.destroy import destroy
from cfn.stack.explain import explain
from cfn.stack.local import serve
from cfn.stack.logs import show_logs
from cfn.template.build import build, release_of
from storage.embedded import EmulatorError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options, Console())
    except (CommandError, EmulatorError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"error: {explain(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted; what AWS has begun goes on there.", file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cfn", description="The Events API as a stack on AWS.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    template = commands.add_parser("template", help="print the CloudFormation template")
    template.add_argument("--yaml", action="store_true", help="as YAML; JSON otherwise")
    _throw_away(template)
    template.set_defaults(run=_template)

    package = commands.add_parser("package", help="build the zip that Lambda runs")
    package.add_argument(
        "--platform", choices=NAMES, default="lambda", help="where it runs: on Lambda, or on this machine"
    )
    package.add_argument("--output", type=Path, default=ROOT / "build", help="folder for the zip, build/ by default")
    package.add_argument(
        "--report", action="store_true", help="show the size of each part and the time of a cold start"
    )
    package.set_defaults(run=_package)

    lock = commands.add_parser("lock", help="resolve the runtime dependencies anew")
    lock.set_defaults(run=_lock)

    put = _stack_command(commands, "deploy", "create or update a stack")
    _parameters(put)
    put.add_argument(
        "--bucket", help="where the package goes; without it, a private bucket of the account, made if need be"
    )
    put.add_argument("--platform", choices=NAMES, help="lambda; host where the endpoint is an emulator")
    _throw_away(put)
    put.set_defaults(run=_deploy)

    down = _stack_command(commands, "destroy", "delete a stack")
    down.add_argument("--yes", action="store_true", help="do not ask")
    down.set_defaults(run=lambda options, console: destroy(Aws(), options.stack, console, confirmed=options.yes))

    logs = _stack_command(commands, "logs", "show the service's log of the last hour")
    logs.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    logs.set_defaults(run=lambda options, console: show_logs(Aws(), options.stack, console, follow=options.follow))

    local = commands.add_parser("local", help="run the whole stack on this machine")
    local.add_argument("--port", type=int, default=4566, help="port of the emulator on 127.0.0.1, 4566 by default")
    _parameters(local)
    local.set_defaults(run=lambda options, console: serve(options.port, parse_parameters(options.parameter), console))
    return parser


def _stack_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text)
    command.add_argument("--stack", required=True, metavar="NAME", help="name of the stack")
    return command


def _parameters(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="see `python -m cfn template`"
    )


def _throw_away(command: argparse.ArgumentParser) -> None:
    command.add_argument("--throw-away", action="store_true", help="let the tables go with the stack, and unprotected")


def _template(options: argparse.Namespace, _console: Console) -> None:
    template = build(release_of({}), throw_away=options.throw_away)
    print(template.to_yaml() if options.yaml else json.dumps(template.to_dict(), indent=2))


def _package(options: argparse.Namespace, console: Console) -> None:
    package = build_package(named(options.platform), options.output)
    _announce(package, console)
    if options.report:
        report(package, console)


def _lock(_options: argparse.Namespace, console: Console) -> None:
    console.print(f"{LOCK.relative_to(ROOT)} pins {write_lock()} packages.", highlight=False)


def _deploy(options: argparse.Namespace, console: Console) -> None:
    aws = Aws()
    chosen = parse_parameters(options.parameter)
    lookup.updatable(aws, options.stack)  # What can be refused is refused before the package is built.
    platform = options.platform or ("host" if aws.emulator else "lambda")
    package = build_package(named(platform), ROOT / "build")
    _announce(package, console)
    wanted = Wanted(options.stack, chosen, bucket=options.bucket, throw_away=options.throw_away)
    deploy(aws, wanted, package, console)


def _announce(package: Package, console: Console) -> None:
    console.print(f"{package.path}  {package.size:,} bytes  sha256 {package.sha256}", soft_wrap=True, highlight=False)
    if not package.compiled:
        version = "{}.{}".format(*package.platform.python)
        text = f"Sources only: no Python {version} is on the PATH to compile them, so cold starts take longer."
        console.print(text, soft_wrap=True, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
