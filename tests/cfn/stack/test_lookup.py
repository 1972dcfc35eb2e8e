"""A stack is looked up under a valid name, and is updated only in a status that permits it."""

from typing import Any

import pytest

from cfn.errors import CommandError
from cfn.stack.lookup import check_name, find_updatable_stack


@pytest.mark.parametrize("name", ["my stack", "1st", "under_score", "x" * 129, ""])
def test_an_invalid_stack_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(
        CommandError, match=r"is not a valid stack name: use letters, digits and hyphens, a letter first, at most 128"
    ):
        check_name(name)


class _Account:
    """An account with one stack in one status."""

    def __init__(self, status: str) -> None:
        self.cloudformation = self
        self._status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - the name that boto3 gives it
        return {"Stacks": [{"StackName": StackName, "StackStatus": self._status}]}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            "ROLLBACK_COMPLETE",
            "is in ROLLBACK_COMPLETE and can only be deleted: run `python -m cfn destroy --stack demo`",
        ),
        ("DELETE_FAILED", "is in DELETE_FAILED and can only be deleted"),
        ("UPDATE_ROLLBACK_FAILED", "run `aws cloudformation continue-update-rollback --stack-name demo`"),
        ("UPDATE_IN_PROGRESS", "is in UPDATE_IN_PROGRESS: wait until the change has ended"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_refused_with_the_remedy(status: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        find_updatable_stack(_Account(status), "demo")  # type: ignore[arg-type] # it has the only method that is used


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_at_rest_can_be_updated(status: str) -> None:
    assert find_updatable_stack(_Account(status), "demo") is not None  # type: ignore[arg-type] # as above


def test_a_stack_with_only_a_change_set_does_not_exist_yet() -> None:
    assert find_updatable_stack(_Account("REVIEW_IN_PROGRESS"), "demo") is None  # type: ignore[arg-type] # as above
