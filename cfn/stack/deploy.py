"""Creates or updates a stack to match this checkout."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.bucket import upload
from cfn.stack.changes import Change
from cfn.stack.health import check_health, reachable_url
from cfn.stack.release import release
from cfn.template import parameters
from cfn.template.build import build_template, release_id


@dataclass(frozen=True)
class StackSettings:
    """The settings of one deployment; parameters that are not given keep their current values in the stack."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    throw_away: bool = False


def parse_parameters(given: list[str]) -> dict[str, str]:
    """Parse parameters of the form NAME=VALUE; raise `CommandError` for an unknown name."""
    chosen = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise CommandError(f"{text!r} is not a parameter: write NAME=VALUE.")
        if name not in parameters.NAMES:
            similar = difflib.get_close_matches(name, parameters.NAMES, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"the parameters are {', '.join(parameters.NAMES)}."
            raise CommandError(f"There is no parameter {name!r}; {hint}")
        chosen[name] = value
    return chosen


def deploy(aws: Aws, settings: StackSettings, package: Package, console: Console) -> str:
    """Create or update the stack, check the health of the service, also of an unchanged one, and return its URL."""
    name = settings.name
    before = lookup.find_updatable_stack(aws, name)
    values = _values(aws, settings, package, lookup.deployed_parameters(before))
    template = build_template(release_id(values), throw_away=settings.throw_away).to_dict()
    change = Change(name, template, values, create=before is None)
    changed = release(aws, before, change, console) if before else changes.apply(aws, change, console)
    if not changed:
        console.print(f"No changes: stack {name} is up to date.", highlight=False)
    url = _print_outputs(aws, name, console)
    check_health(url, name)
    console.print(f"{url}/health reports healthy.", soft_wrap=True, highlight=False)
    return url


def _values(aws: Aws, settings: StackSettings, package: Package, before: Mapping[str, str]) -> dict[str, str]:
    return {
        **{key: value for key, value in before.items() if key in parameters.NAMES},
        "Architecture": package.platform.architecture,
        # ministack supports neither alarms on metric math nor CodeDeploy.
        **({"Alarms": "off", "TrafficShift": "AllAtOnce"} if aws.emulator_url else {}),
        **settings.parameters,
        "CodeBucket": upload(aws, package, settings.bucket),
        "CodeKey": package.key,
    }


def _print_outputs(aws: Aws, name: str, console: Console) -> str:
    outputs = lookup.outputs(lookup.get_stack(aws, name))
    for key, value in outputs.items():
        shown = reachable_url(aws, value) if key.endswith("Url") else value
        console.print(f"{key:<14}{shown}", soft_wrap=True, highlight=False)
    return reachable_url(aws, outputs["ApiUrl"])
