"""The command line of the deployment: `python -m cfn`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn.arguments import parse
from cfn.errors import CommandError
from cfn.package.build import Recipe, build_package
from cfn.package.checkout import ROOT, require_checkout
from cfn.package.lock import write_locks
from cfn.package.platforms import get_platform
from cfn.package.sizes import print_package, print_report
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy, preview
from cfn.stack.destroy import destroy
from cfn.stack.explain import explain
from cfn.stack.local import serve
from cfn.stack.logs import show_logs
from cfn.stack.policy import deployer_policy, role_policy
from cfn.stack.redrive import redrive
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings, check_role, parse_parameters, parse_tags
from cfn.template.build import build_template, release_id
from storage.embedded import EmulatorError, exempt_loopback


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parse(arguments)
    exempt_loopback()
    try:
        if options.needs_checkout:
            require_checkout(options.command)
        _COMMANDS[options.command](options, Console())
    except (CommandError, EmulatorError) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"error: {explain(error)}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would write the rest at its end.
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt as interruption:
        print(f"error: {str(interruption) or 'Interrupted: nothing has begun on AWS.'}", file=sys.stderr)
    else:
        return 0
    return 1


def _template(options: argparse.Namespace, _console: Console) -> None:
    template = build_template(release_id({}), throw_away=options.throw_away)
    print(template.to_yaml() if options.yaml else json.dumps(template.to_dict(), indent=2))


def _package(options: argparse.Namespace, console: Console) -> None:
    package = build_package(get_platform(options.platform), options.output, tokens=options.tokens)
    print_package(package, console)
    if options.report:
        print_report(package, console)


def _lock(_options: argparse.Namespace, console: Console) -> None:
    for path, pins in write_locks().items():
        console.print(f"{path.relative_to(ROOT)} pins {pins} packages.", highlight=False)


def _deploy(options: argparse.Namespace, console: Console) -> None:
    settings = StackSettings(
        options.stack,
        parse_parameters(options.parameter, options.parameters),
        bucket=options.bucket,
        throw_away=options.throw_away,
        role_arn=check_role(options.role_arn),
        tags=parse_tags(options.tag),
    )
    aws = Aws()
    platform = options.platform or ("host" if aws.emulator_url else "lambda")
    code = Recipe(get_platform(platform), ROOT / "build")
    if options.plan:
        preview(aws, settings, code, console)
    else:
        deploy(aws, settings, code, console)


def _rollback(options: argparse.Namespace, console: Console) -> None:
    roll_back(Aws(), options.stack, console, role_arn=check_role(options.role_arn))


def _destroy(options: argparse.Namespace, console: Console) -> None:
    role_arn = check_role(options.role_arn)
    destroy(Aws(), options.stack, console, confirmed=options.yes, role_arn=role_arn)


def _logs(options: argparse.Namespace, console: Console) -> None:
    show_logs(Aws(), options.stack, console, follow=options.follow)


def _redrive(options: argparse.Namespace, console: Console) -> None:
    redrive(Aws(), options.stack, console)


def _policy(options: argparse.Namespace, _console: Console) -> None:
    if options.for_role:
        policy = role_policy(options.stack, options.bucket)
    else:
        policy = deployer_policy(options.stack, options.bucket, check_role(options.role_arn))
    print(json.dumps(policy, indent=2))


def _local(options: argparse.Namespace, console: Console) -> None:
    serve(options.port, parse_parameters(options.parameter, options.parameters), console)


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace, Console], None]]] = {
    "template": _template,
    "package": _package,
    "lock": _lock,
    "deploy": _deploy,
    "rollback": _rollback,
    "destroy": _destroy,
    "logs": _logs,
    "redrive": _redrive,
    "policy": _policy,
    "local": _local,
}


if __name__ == "__main__":
    sys.exit(main())
