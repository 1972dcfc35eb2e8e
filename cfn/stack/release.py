"""Updates a stack so that a new version gets no request before it is healthy, and goes back if it is not."""

from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn.errors import CommandError, if_interrupted
from cfn.stack import changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.changes import Change
from cfn.stack.explain import explain
from cfn.stack.health import OFF, check_version
from cfn.stack.versions import Steps, Template, at_once, plan
from cfn.template.function import ALIAS

_UNCHECKED: Final = (
    "Interrupted: the new version is published and gets no requests; the old version serves. Deploy again to go on."
)


def release(aws: Aws, before: dict[str, Any], deployed: Template, change: Change, console: Console) -> bool:
    """Update the stack `before`, whose template is `deployed`, and return whether anything has changed.

    Raises:
        CommandError: The update failed, the new version is not healthy, or an alarm went off while traffic moved to
            it. The stack is as before, or the message says what is not.

    """
    steps = plan(change.template, deployed)
    if steps.candidate is None:
        return changes.apply(aws, change.to(steps.final), console)
    _require_alias_at(aws, change, steps.serving)
    changes.apply(aws, change.to(steps.staged), console)
    try:
        with if_interrupted(_UNCHECKED):
            final = _check(aws, change, steps, console)
        changes.apply(aws, change.to(final), console)
    except CommandError as error:
        _restore(aws, before, _backwards(change, before, deployed), console, error)
        raise CommandError(f"{str(error).rstrip('.')}. The stack is as before, and the old version serves.") from error
    return True


def _backwards(change: Change, before: dict[str, Any], deployed: Template) -> Change:
    tags = {tag["Key"]: tag["Value"] for tag in before.get("Tags", ())}
    values = lookup.deployed_parameters(before)
    return replace(change, template=deployed, parameters=values, tags=tags, restores=True)


def _require_alias_at(aws: Aws, change: Change, serving: str) -> None:
    expected = lookup.physical_id(aws, change.stack, serving)
    function, _, number = expected.rpartition(":")
    found = aws.client("lambda").get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    if found != number and change.parameters["TrafficShift"] != "AllAtOnce":
        raise CommandError(
            f"The alias leads to version {found}, and the stack to {number}: it was moved by hand, which CodeDeploy "
            "refuses. Deploy once with --parameter TrafficShift=AllAtOnce."
        )


def _check(aws: Aws, change: Change, steps: Steps, console: Console) -> Template:
    """Return the template that leads the traffic to the new version; raise `CommandError` if it is not healthy."""
    try:
        version, serving = (
            lookup.physical_id(aws, change.stack, name or "") for name in (steps.candidate, steps.serving)
        )
        if change.parameters["ReservedConcurrency"] != OFF:
            check_version(aws, version, change.parameters["StageName"] or "")
            console.print(f"Version {lookup.number(version)} is healthy.", highlight=False)
        if _environment(aws, version) == _environment(aws, serving):
            return steps.final
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"The new version can't be checked: {explain(error)}") from error
    # Versions that use other tables, or expect another stage, must not serve side by side.
    console.print("All traffic moves to it at once, as its environment differs.", highlight=False)
    return at_once(steps.final)


def _environment(aws: Aws, version: str) -> Any:
    return aws.client("lambda").get_function_configuration(FunctionName=version).get("Environment")


def _restore(aws: Aws, before: dict[str, Any], change: Change, console: Console, cause: CommandError) -> None:
    console.print("Restoring the stack as it was ...", highlight=False)
    try:
        lookup.find_updatable_stack(aws, before["StackName"])
        changes.apply(aws, change, console)
    except (CommandError, BotoCoreError, ClientError) as error:
        raise CommandError(
            f"{cause} The old version serves, but the rest of the stack stays changed: {error}"
        ) from error
