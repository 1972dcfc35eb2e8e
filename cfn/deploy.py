"""Brings the stack of a name to what the files here say."""

import difflib
import json
from collections.abc import Mapping

from rich.console import Console

from cfn import changes, parameters, stack
from cfn.aws import Aws
from cfn.bucket import upload
from cfn.errors import CannotProceed
from cfn.health import check_health, reachable_url
from cfn.package import Package
from cfn.progress import Progress
from cfn.template import build, release_of


def parse_parameters(given: list[str]) -> dict[str, str]:
    """Return the parameters given as NAME=VALUE; raise `CannotProceed` for an unknown one."""
    chosen = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise CannotProceed(f"{text!r} is no parameter: write NAME=VALUE.")
        if name not in parameters.NAMES:
            similar = difflib.get_close_matches(name, parameters.NAMES, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(parameters.NAMES)}."
            raise CannotProceed(f"There is no parameter {name!r}; {hint}")
        chosen[name] = value
    return chosen


def deploy(
    aws: Aws,
    name: str,
    package: Package,
    console: Console,
    *,
    chosen: Mapping[str, str] | None = None,
    bucket: str | None = None,
    throw_away: bool = False,
) -> str:
    """Create or update the stack, check that it answers, and return its address.

    Parameters that are not chosen keep the values that the stack has.
    """
    stack.check_name(name)
    before = stack.find(aws, name)
    if before:
        stack.refuse_unready(before)
    values = {
        **{key: value for key, value in stack.parameters(before).items() if key in parameters.NAMES},
        "Architecture": package.platform.architecture,
        **(chosen or {}),
        "CodeBucket": upload(aws, package, bucket),
        "CodeKey": package.key,
    }
    template = json.dumps(build(release_of(values), throw_away=throw_away).to_dict(), separators=(",", ":"))
    change_set = changes.plan(aws, name, template, values, create=before is None)
    if change_set is None:
        console.print(f"No changes: stack {name} is up to date.", highlight=False)
        return _report(aws, name, console)
    stack_id = aws.stacks.describe_change_set(ChangeSetName=change_set, StackName=name)["StackId"]
    with Progress(console) as progress:
        changes.carry_out(aws, stack_id, change_set, progress)
    url = _report(aws, name, console)
    check_health(url, name)
    console.print(f"{url}/health says healthy.", soft_wrap=True, highlight=False)
    return url


def _report(aws: Aws, name: str, console: Console) -> str:
    found = stack.outputs(stack.existing(aws, name))
    for key, value in found.items():
        shown = reachable_url(aws, value) if key.endswith("Url") else value
        console.print(f"{key:<14}{shown}", soft_wrap=True, highlight=False)
    return reachable_url(aws, found["ApiUrl"])
