"""The printed policy allows every call that the commands make, and what CloudFormation does for every resource."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from rich.console import Console

from cfn.__main__ import main
from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack.deploy import deploy, preview
from cfn.stack.destroy import destroy
from cfn.stack.logs import show_logs
from cfn.stack.policy import deployer_policy, role_policy
from cfn.stack.redrive import redrive
from cfn.stack.resource_actions import ACTIONS, COVERED
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings
from cfn.template.build import build_template

_ROLE = "arn:aws:iam::123456789012:role/cloudformation"

#: Operations of S3 and Lambda whose permission has another name.
_ACTIONS = {
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "Invoke": "InvokeFunction",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


def _resource(service: str, call: dict[str, Any], stack: str) -> str:  # noqa: PLR0911 - one for each service
    """Return the ARN that a call is about; for CloudFormation it is always that of the stack."""
    match service:
        case "cloudformation":
            return f"arn:aws:cloudformation:us-east-1:000000000000:stack/{stack}/1"
        case "s3":
            return f"arn:aws:s3:::{call['Bucket']}" + (f"/{call['Key']}" if "Key" in call else "")
        case "lambda" if name := call.get("FunctionName"):
            return str(name) if name.startswith("arn:") else f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        case "dynamodb" if name := call.get("TableName"):
            return f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"
        case "sqs":
            return f"arn:aws:sqs:us-east-1:000000000000:{call['QueueUrl'].rpartition('/')[2]}"
        case "ssm":
            return f"arn:aws:ssm:us-east-1:000000000000:parameter{call['Name']}"
        case "logs":
            return f"arn:aws:logs:us-east-1:000000000000:log-group:{call['logGroupName']}:*"
    return "*"


def _is_allowed(policy: dict[str, Any], action: str, resource: str) -> bool:
    return any(
        any(fnmatchcase(action, allowed) for allowed in statement["Action"])
        and any(fnmatchcase(resource, arn) for arn in _listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def _listed(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found


def test_every_call_of_the_commands_is_allowed(
    recorded: Any, service: Callable[..., Package], console: Console
) -> None:
    stack = StackSettings(f"policy-{uuid.uuid4().hex[:8]}", throw_away=True, tags={"team": "events"})
    deploy(recorded, stack, service("one"), console)
    preview(recorded, stack, service("two"), console)
    deploy(recorded, stack, service("two"), console)
    deploy(recorded, replace(stack, throw_away=False), service("two"), console)
    roll_back(recorded, stack.name, console)
    show_logs(recorded, stack.name, console, follow=False)
    destroy(recorded, stack.name, console, confirmed=True)
    other = replace(stack, name=f"{stack.name}-2")
    told = {"Notifications": "on", "WebhookUrl": "http://127.0.0.1:9/hook"}
    deploy(recorded, replace(other, parameters=told), service("one"), console)
    redrive(recorded, other.name, console)
    destroy(recorded, other.name, console, confirmed=True)

    policies = {name: deployer_policy(name) for name in (stack.name, other.name)}
    denied = [
        (service, operation, call)
        for service, operation, call in recorded.calls
        if (service, operation) != ("sts", "GetCallerIdentity")  # It needs no permission.
        if not any(
            _is_allowed(policy, f"{service}:{_ACTIONS.get(operation, operation)}", _resource(service, call, name))
            for name, policy in policies.items()
        )
    ]
    assert denied == []
    made = {operation for _, operation, _ in recorded.calls}
    assert {
        "PutObject",
        "Invoke",
        "ExecuteChangeSet",
        "Scan",
        "PutParameter",
        "ReceiveMessage",
        "UpdateTerminationProtection",
        "DeleteStack",
    } <= made


def test_another_stack_is_out_of_reach() -> None:
    policy = deployer_policy("demo")
    assert not _is_allowed(policy, "cloudformation:DeleteStack", _resource("cloudformation", {}, "other"))
    assert not _is_allowed(policy, "dynamodb:DeleteTable", "arn:aws:dynamodb:us-east-1:1:table/other-EventsTable-1")
    assert not _is_allowed(policy, "iam:PassRole", "arn:aws:iam::1:role/admin")


def test_every_type_of_resource_has_its_actions() -> None:
    types = {resource["Type"] for resource in build_template("Release").to_dict()["Resources"].values()}
    assert types - ACTIONS.keys() - COVERED.keys() == set()
    assert set(COVERED.values()) <= ACTIONS.keys()


def test_with_a_role_the_person_may_pass_it_and_makes_no_resources() -> None:
    policy = deployer_policy("demo", role_arn=_ROLE)
    assert _is_allowed(policy, "iam:PassRole", _ROLE)
    for action in ("dynamodb:CreateTable", "lambda:CreateFunction", "iam:CreateRole"):
        assert not any(action in statement["Action"] for statement in policy["Statement"])
        assert any(action in statement["Action"] for statement in role_policy("demo")["Statement"])


def test_an_own_bucket_is_used_and_not_changed() -> None:
    policy = deployer_policy("demo", bucket="mine")
    assert _is_allowed(policy, "s3:PutObject", "arn:aws:s3:::mine/demo/package.zip")
    assert not any("s3:CreateBucket" in statement["Action"] for statement in policy["Statement"])


def test_each_policy_fits_in_a_managed_policy() -> None:
    for policy in (deployer_policy("events-api"), role_policy("events-api")):
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6144


def test_the_command_prints_it_without_an_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "--stack", "demo", "--role-arn", _ROLE]) == 0
    assert json.loads(capsys.readouterr().out) == deployer_policy("demo", role_arn=_ROLE)
    assert main(["policy", "--stack", "demo", "--for-role"]) == 0
    assert json.loads(capsys.readouterr().out) == role_policy("demo")


def test_a_wrong_name_is_refused() -> None:
    with pytest.raises(CommandError, match="is not a valid stack name"):
        deployer_policy("my stack")
