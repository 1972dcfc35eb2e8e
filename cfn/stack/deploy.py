"""Creates or updates a stack to match this checkout."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cfn.errors import CommandError, if_interrupted
from cfn.package.build import Code
from cfn.package.sizes import print_package
from cfn.stack import bucket, changes, lookup
from cfn.stack.aws import Aws
from cfn.stack.changes import Change
from cfn.stack.concurrency import reservation
from cfn.stack.default_bucket import default_name
from cfn.stack.health import OFF, check_health, reachable_url
from cfn.stack.left_tables import announce_left_tables
from cfn.stack.logs import tail_command
from cfn.stack.release import release
from cfn.stack.settings import StackSettings, check_together
from cfn.stack.versions import Template, plan
from cfn.stack.webhook_secret import are_on, delete_secret, make_secret, secret_name
from cfn.template import parameters
from cfn.template.build import build_template, release_id


def deploy(aws: Aws, settings: StackSettings, code: Code, console: Console) -> str:
    """Create or update the stack, check the health of the service, also of an unchanged one, and return its URL.

    The code is built only if the stack does not have it yet, and after all that can be checked without it.
    """
    name = settings.name
    with if_interrupted(f"Interrupted: nothing has begun on stack {name}."):
        before, deployed = _examine(aws, settings)
        change = _prepare(aws, settings, code, before, console, uploading=True)
        if before is None:
            announce_left_tables(aws, name, settings.parameters, console)
    if webhooks := are_on(change.parameters):
        make_secret(aws, name)
    if before is None or deployed is None:
        changed = changes.apply(aws, change, console)
    else:
        changed = release(aws, before, deployed, change, console)
    _let_old_package_expire(aws, before, change)
    if are_on(lookup.deployed_parameters(before)) and not webhooks:
        delete_secret(aws, name)
    if not changed:
        console.print(f"No changes: stack {name} is up to date.", highlight=False)
    with if_interrupted(f"Interrupted: stack {name} is deployed, and its health was not checked to the end."):
        if not settings.throw_away:
            aws.cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=True)
        url = _print_outputs(aws, name, console)
        if webhooks:
            console.print(f"{'WebhookSecret':<20}{secret_name(name)}", soft_wrap=True, highlight=False)
        if change.parameters["ReservedConcurrency"] == OFF:
            console.print("The service is off, as ReservedConcurrency is 0.", highlight=False)
            return url
        check_health(url, name)
    console.print(f"{url}/health reports healthy.", soft_wrap=True, highlight=False)
    _print_who_may_do_what(url, change.parameters, console)
    return url


def _print_who_may_do_what(url: str, values: Mapping[str, str | None], console: Console) -> None:
    """Print, in a way that is not overlooked, if there are no tokens."""
    if issuer := values.get("JwtIssuer"):
        console.print(
            f"Changes, and reading who is registered, need a token of {issuer}.", soft_wrap=True, highlight=False
        )
        return
    console.print(
        f"\nWARNING: anyone who reaches {url} can change everything, and read who is registered for what."
        "\nTo require tokens: --parameter JwtIssuer=https://... --parameter JwtAudience=... (cfn/README.md)",
        style="bold red",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def preview(aws: Aws, settings: StackSettings, code: Code, console: Console) -> None:
    """Print what `deploy` would change in the end, and change nothing."""
    with if_interrupted("Interrupted: nothing has begun."):
        before, deployed = _examine(aws, settings)
        change = _prepare(aws, settings, code, before, console, uploading=False)
        changes.preview(aws, change.to(plan(change.template, deployed).final) if deployed else change, console)


def _examine(aws: Aws, settings: StackSettings) -> tuple[dict[str, Any] | None, Template | None]:
    """Return the stack and its template if it exists; raise `CommandError` if it can't be updated like this."""
    before = lookup.find_updatable_stack(aws, settings.name)
    if before is None:
        return None, None
    deployed = lookup.template(aws, before)
    policies = {resource.get("DeletionPolicy") for resource in lookup.tables(deployed).values()}
    if settings.throw_away and "Retain" in policies:
        raise CommandError(
            f"Stack {settings.name} keeps its tables, and with --throw-away they would be deleted with it: deploy "
            "without it, or use another name."
        )
    return before, deployed


def _prepare(  # noqa: PLR0913 - the last one is named at each call
    aws: Aws,
    settings: StackSettings,
    code: Code,
    before: dict[str, Any] | None,
    console: Console,
    *,
    uploading: bool,
) -> Change:
    """Return the change of the stack; build the code, and upload it, unless the stack has it already."""
    values = lookup.deployed_parameters(before)
    chosen = {**values, **settings.parameters}
    check_together(chosen, aws.region, emulated=bool(aws.emulator_url))
    code = code.for_tokens(needed=bool(chosen.get("JwtIssuer")))
    found = bucket.find_bucket(aws, settings.bucket or values.get("CodeBucket"))
    key = values.get("CodeKey", "")
    if found is None or found != values.get("CodeBucket") or not bucket.is_stored(aws, found, key, code.sources):
        package = code.build()
        print_package(package, console)
        key = bucket.object_key(settings.name, package)
        if uploading:
            bucket.upload(aws, package, found, settings.name)
    values = {
        **parameters.DEFAULTS,
        **{name: value for name, value in values.items() if name in parameters.NAMES},
        "Architecture": code.platform.architecture,
        # ministack supports neither alarms on metric math nor CodeDeploy.
        **({"Alarms": "off", "TrafficShift": "AllAtOnce"} if aws.emulator_url else {}),
        **reservation(aws, values),
        **settings.parameters,
        "CodeBucket": found or default_name(aws),
        "CodeKey": key,
    }
    template = build_template(release_id(values), throw_away=settings.throw_away).to_dict()
    return Change(
        settings.name,
        template,
        values,
        create=before is None,
        role_arn=settings.role_arn,
        tags=settings.tags or None,
        bucket=values["CodeBucket"] if found or uploading else None,
    )


def _let_old_package_expire(aws: Aws, before: dict[str, Any] | None, change: Change) -> None:
    old, new = lookup.deployed_parameters(before), change.parameters
    if old and old["CodeKey"] != new["CodeKey"] and old["CodeBucket"] == new["CodeBucket"]:
        bucket.mark_replaced(aws, old["CodeBucket"], old["CodeKey"])


def _print_outputs(aws: Aws, name: str, console: Console) -> str:
    outputs = lookup.outputs(lookup.get_stack(aws, name))
    for key, value in outputs.items():
        shown = reachable_url(aws, value) if key.endswith("Url") else value
        console.print(f"{key:<20}{shown}", soft_wrap=True, highlight=False)
    console.print(f"{'Log':<20}{tail_command(aws, outputs['LogGroup'])}", soft_wrap=True, highlight=False)
    return reachable_url(aws, outputs["ApiUrl"]).rstrip("/")
