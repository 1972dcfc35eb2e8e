"""Brings the stack of a name to what the files here say."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.bucket import upload
from cfn.stack.health import check_health, reachable_url
from cfn.stack.progress import Progress
from cfn.template import parameters
from cfn.template.build import build, release_of


@dataclass(frozen=True)
class Wanted:
    """A stack as it is to be; parameters that are not named keep the values that it has."""

    stack: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    throw_away: bool = False


def parse_parameters(given: list[str]) -> dict[str, str]:
    """Return the parameters given as NAME=VALUE; raise `CommandError` for an unknown one."""
    chosen = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise CommandError(f"{text!r} is no parameter: write NAME=VALUE.")
        if name not in parameters.NAMES:
            similar = difflib.get_close_matches(name, parameters.NAMES, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"there are {', '.join(parameters.NAMES)}."
            raise CommandError(f"There is no parameter {name!r}; {hint}")
        chosen[name] = value
    return chosen


def deploy(aws: Aws, wanted: Wanted, package: Package, console: Console) -> str:
    """Create or update the stack, check that it answers, and return its address."""
    name = wanted.stack
    before = lookup.updatable(aws, name)
    values = _values(aws, wanted, package, lookup.parameters(before))
    template = build(release_of(values), throw_away=wanted.throw_away).to_dict()
    body = json.dumps(template, separators=(",", ":"))
    change_set = changes.plan(aws, name, body, values, create=before is None)
    if change_set is None:
        console.print(f"No changes: stack {name} is up to date.", highlight=False)
        return _report(aws, name, console)
    with Progress(console) as progress:
        changes.carry_out(aws, change_set, progress)
    url = _report(aws, name, console)
    check_health(url, name)
    console.print(f"{url}/health says healthy.", soft_wrap=True, highlight=False)
    return url


def _values(aws: Aws, wanted: Wanted, package: Package, before: Mapping[str, str]) -> dict[str, str]:
    return {
        **{key: value for key, value in before.items() if key in parameters.NAMES},
        "Architecture": package.platform.architecture,
        # ministack knows no alarms that calculate.
        **({"Alarms": "off"} if aws.emulator else {}),
        **wanted.parameters,
        "CodeBucket": upload(aws, package, wanted.bucket),
        "CodeKey": package.key,
    }


def _report(aws: Aws, name: str, console: Console) -> str:
    found = lookup.outputs(lookup.existing(aws, name))
    for key, value in found.items():
        shown = reachable_url(aws, value) if key.endswith("Url") else value
        console.print(f"{key:<14}{shown}", soft_wrap=True, highlight=False)
    return reachable_url(aws, found["ApiUrl"])
