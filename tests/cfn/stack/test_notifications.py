"""The real service on an emulated stack with notifications: each change reaches a receiver, whatever fails between."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.destroy import destroy
from cfn.stack.redrive import redrive
from cfn.stack.settings import StackSettings
from cfn.stack.webhook_secret import secret_name
from tests.apparatus.client import EVENT
from tests.apparatus.deployed import Client
from tests.apparatus.patience import until
from tests.apparatus.receiver import Receiver, receiving

pytestmark = pytest.mark.deployed

Printed = Callable[[], str]


def secret_of(aws: Aws, stack: str) -> str:
    found = aws.client("ssm").get_parameter(Name=secret_name(stack), WithDecryption=True)
    return str(found["Parameter"]["Value"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def told(stack: StackSettings, receiver: Receiver) -> StackSettings:
    """Return the settings of a stack that sends webhooks to the receiver, and gives one up after two attempts."""
    parameters = {"Notifications": "on", "WebhookUrl": receiver.url, "WebhookAttempts": "2"}
    return replace(stack, parameters=parameters)


@pytest.fixture
def call(aws: Aws, told: StackSettings, receiver: Receiver, host_package: Package, console: Console) -> Client:
    """Deploy the stack, and return a client of it."""
    client = Client(deploy(aws, told, host_package, console))
    receiver.secret = secret_of(aws, told.name)
    assert client("POST", "/events", {**EVENT, "capacity": 1, "hasWaitlist": True})[0] == 201
    for user in ("ann", "bob"):
        assert client("POST", "/users", {"userId": user, "name": user})[0] == 201
    return client


def register(call: Client, user: str) -> None:
    assert call("POST", "/registrations", {"userId": user, "eventId": EVENT["eventId"]})[0] == 201


def physical(aws: Aws, stack: StackSettings, name: str) -> str:
    return lookup.physical_id(aws, stack.name, name)


def waiting(aws: Aws, stack: StackSettings, queue: str) -> int:
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=physical(aws, stack, queue), AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def test_each_change_reaches_the_receiver_as_a_signed_webhook(call: Client, receiver: Receiver) -> None:
    """The receiver verifies every signature. The queue keeps no order, and the sequence has it."""
    register(call, "ann")
    register(call, "bob")
    assert call("DELETE", f"/registrations/ann/{EVENT['eventId']}")[0] == 204
    taken = receiver.wait_until_taken(4)
    in_order = sorted(taken, key=lambda one: (one["subject"], one["sequence"]))
    assert [(one["subject"], one["type"].split(".")[2]) for one in in_order] == [
        ("ann", "confirmed"),
        ("ann", "cancelled"),
        ("bob", "waitlisted"),
        ("bob", "promoted"),
    ]
    assert len({one["id"] for one in taken}) == 4
    assert in_order[-1]["time"] == in_order[-1]["data"]["promotedAt"]


def test_a_receiver_that_is_down_gets_it_later_and_a_command_sends_dead_letters_again(  # noqa: PLR0913 - fixtures
    aws: Aws, told: StackSettings, call: Client, receiver: Receiver, console: Console, printed: Printed
) -> None:
    receiver.answer = lambda _notification: (503, {})
    register(call, "ann")
    until(lambda: waiting(aws, told, "WebhookDeadLetters") == 1)
    assert len(receiver.asked) == 2
    assert receiver.asked[0] == receiver.asked[1]

    receiver.answer = lambda _notification: (204, {})
    redrive(aws, told.name, console)
    assert "1 webhooks are sent again." in printed()
    (taken,) = receiver.wait_until_taken(1)
    assert taken == receiver.asked[0]
    assert waiting(aws, told, "WebhookDeadLetters") == 0


def test_what_a_receiver_refuses_for_good_is_not_tried_again(
    aws: Aws, told: StackSettings, call: Client, receiver: Receiver
) -> None:
    receiver.answer = lambda _notification: (410, {})
    register(call, "ann")
    until(lambda: waiting(aws, told, "WebhookDeadLetters") == 1)
    assert len(receiver.asked) == 1


def test_a_publisher_that_can_not_tell_raises_and_a_command_tells_it_later(  # noqa: PLR0913 - fixtures
    aws: Aws, told: StackSettings, call: Client, receiver: Receiver, console: Console, printed: Printed
) -> None:
    """The stream repeats a batch until it is too old, which is a second here, and then notes where it was."""
    functions, publisher = aws.client("lambda"), physical(aws, told, "Publisher")
    functions.update_event_source_mapping(UUID=physical(aws, told, "PublisherSource"), MaximumRecordAgeInSeconds=1)

    def run_with(**variables: str) -> None:
        functions.update_function_configuration(
            FunctionName=publisher, Environment={"Variables": {"BUS": told.name, **variables}}
        )

    run_with(AWS_ENDPOINT_URL_EVENTBRIDGE="http://127.0.0.1:9")  # Nothing answers there.
    register(call, "ann")
    until(lambda: waiting(aws, told, "UntoldQueue") == 1)
    with pytest.raises(CommandError, match="The publisher still fails: "):
        redrive(aws, told.name, console)
    assert receiver.asked == []

    run_with()
    until(lambda: waiting(aws, told, "UntoldQueue") == 1)  # What was received, and not deleted, appears again.
    redrive(aws, told.name, console)
    assert "1 changes of registrations are told again." in printed()
    (taken,) = receiver.wait_until_taken(1)
    assert (taken["subject"], taken["type"]) == ("ann", "events-api.registration.confirmed.v1")


def test_notifications_are_switched_on_and_off_beside_a_service_that_runs(
    aws: Aws, stack: StackSettings, receiver: Receiver, host_package: Package, console: Console
) -> None:
    """What was there before is not told, nor what happens while they are off. The secret goes with the webhooks."""
    call = Client(deploy(aws, stack, host_package, console))
    assert call("POST", "/events", EVENT)[0] == 201
    for user in ("ann", "bob", "cat"):
        assert call("POST", "/users", {"userId": user, "name": user})[0] == 201
    register(call, "ann")
    on: dict[str, Any] = {"Notifications": "on", "WebhookUrl": receiver.url}

    deploy(aws, replace(stack, parameters=on), host_package, console)
    receiver.secret = secret_of(aws, stack.name)
    register(call, "bob")
    assert [one["subject"] for one in receiver.wait_until_taken(1)] == ["bob"]
    deploy(aws, replace(stack, parameters={"MemorySize": "1024"}), host_package, console)
    assert secret_of(aws, stack.name) == receiver.secret

    deploy(aws, replace(stack, parameters={"Notifications": "off", "WebhookUrl": ""}), host_package, console)
    register(call, "cat")
    assert aws.client("ssm").describe_parameters()["Parameters"] == []
    with pytest.raises(CommandError, match="has no notifications"):
        redrive(aws, stack.name, console)
    assert [one["subject"] for one in receiver.taken] == ["bob"]


def test_the_secret_is_deleted_with_the_stack(
    aws: Aws, told: StackSettings, service: Callable[..., Package], console: Console
) -> None:
    deploy(aws, told, service(), console)
    assert secret_of(aws, told.name)
    destroy(aws, told.name, console, confirmed=True)
    assert aws.client("ssm").describe_parameters()["Parameters"] == []
