"""Leads the traffic back to the version before, through CloudFormation, so that the stack and its template agree."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from cfn.errors import CommandError
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.changes import Change
from cfn.stack.following import follow, newest_event_id
from cfn.stack.health import check_health, reachable_url
from cfn.stack.progress import Progress
from cfn.stack.versions import at_once, lead_to, live, versions

_SHIFTING: Final = ["Created", "Queued", "InProgress", "Baking", "Ready"]


def roll_back(aws: Aws, name: str, console: Console, *, role_arn: str | None = None) -> None:
    """Lead the alias to the version before, all at once; while a deployment shifts traffic, stop it and go back."""
    found = lookup.get_stack(aws, name)
    if found["StackStatus"] == "UPDATE_IN_PROGRESS":
        _stop_shift(aws, found, console)
    else:
        lookup.require_updatable(found)
        _lead_back(aws, found, console, role_arn)
    url = reachable_url(aws, lookup.outputs(lookup.get_stack(aws, name))["ApiUrl"]).rstrip("/")
    check_health(url, name)
    console.print(f"{url}/health reports healthy.", soft_wrap=True, highlight=False)


def _lead_back(aws: Aws, found: dict[str, Any], console: Console, role_arn: str | None) -> None:
    name, template = found["StackName"], lookup.template(aws, found)
    numbers = {version: lookup.number(lookup.physical_id(aws, name, version)) for version in versions(template)}
    serving = live(template)
    earlier = [version for version, number in numbers.items() if number < numbers[serving]]
    if not earlier:
        raise CommandError(
            f"Stack {name} has no version before {numbers[serving]}, which serves: check out the code to go back to, "
            "and deploy it."
        )
    chosen = max(earlier, key=lambda version: numbers[version])
    values = lookup.deployed_parameters(found)
    _require_tokens_if_on(aws, lookup.physical_id(aws, name, chosen), values)
    console.print(f"From version {numbers[serving]} to version {numbers[chosen]}.", highlight=False)
    same = dict.fromkeys(values)
    changes.apply(
        aws,
        Change(name, at_once(lead_to(template, chosen)), same, role_arn=role_arn, bucket=values["CodeBucket"]),
        console,
    )


def _require_tokens_if_on(aws: Aws, version: str, values: Mapping[str, str]) -> None:
    """Raise `CommandError` if the stack requires tokens, and this version does not: its environment is its own."""
    if not values.get("JwtIssuer"):
        return
    configuration = aws.client("lambda").get_function_configuration(FunctionName=version)
    if not configuration.get("Environment", {}).get("Variables", {}).get("JWT_ISSUER"):
        raise CommandError(
            f"Version {lookup.number(version)} is from before the stack required tokens: with it, anyone could change "
            "everything. Check out the code to go back to, and deploy it."
        )


def _stop_shift(aws: Aws, found: dict[str, Any], console: Console) -> None:
    name, stack_id = found["StackName"], found["StackId"]
    group = {
        "applicationName": lookup.find_physical_id(aws, name, "ReleaseApplication"),
        "deploymentGroupName": lookup.find_physical_id(aws, name, "ReleaseGroup"),
    }
    codedeploy, running = aws.client("codedeploy"), []
    if all(group.values()):
        running = codedeploy.list_deployments(**group, includeOnlyStatuses=_SHIFTING)["deployments"]
    if not running:
        raise CommandError(
            f"Stack {name} is being updated, and no traffic is moving yet, or it has moved: "
            "wait until the update has ended, then roll back."
        )
    last = newest_event_id(aws, stack_id)
    for deployment in running:
        codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
        console.print(f"Stopping {deployment}: all traffic goes back to the version before.", highlight=False)
    with Progress(console) as progress:
        follow(aws, stack_id, last, progress, wanted=("UPDATE_ROLLBACK_COMPLETE",))
