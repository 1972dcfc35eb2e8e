"""The steps of a transaction, and the exception for a cancelled transaction."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from storage.dynamodb.attributes import Item, Key, Values, expression, marshal, unmarshal
from storage.errors import Refusal

#: DynamoDB's codes for a conflict with another transaction and for throttling.
BUSY: Final = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
}


class Changed(Exception):  # noqa: N818 - a signal from an attempt to `Tables.retry`, never seen outside
    """The attempt relied on outdated items; `image` is the first step's item as it is now, if its condition failed."""

    def __init__(self, image: Item | None = None) -> None:
        super().__init__(image)
        self.image = image


class Misfits(Exception):  # noqa: N818 - a signal from a transaction to the code that grouped its steps
    """A transaction for several requests was cancelled because of some of them.

    `refusals` has the refusal of each failed step that has one, by the step's index; `image` is that of `Changed`.
    """

    def __init__(self, refusals: Mapping[int, Refusal], image: Item | None) -> None:
        super().__init__(len(refusals))
        self.refusals = refusals
        self.image = image


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One write of a transaction, and the refusal that its failed condition means.

    `refusal` takes the item as the store has it (None if it does not exist) and returns the refusal, or None to retry
    from a fresh snapshot. While the condition of a `decisive` first step is not known, as another transaction is at its
    item, the refusals of the other steps do not count.
    """

    action: Literal["Put", "Update", "Delete", "ConditionCheck"]
    table: str
    item: Item | None = None
    key: Key | None = None
    change: str | None = None
    condition: str | None = None
    values: Values = field(default_factory=dict)
    refusal: Callable[[Item | None], Refusal | None] = lambda _image: None
    decisive: bool = False


def new_token() -> str:
    """Return a token for a transaction, which makes it idempotent."""
    return str(uuid.uuid4())


def member(step: Step, table_name: str) -> dict[str, Any]:
    """Return a step as a member of TransactWriteItems."""
    content: dict[str, Any] = {"TableName": table_name}
    if step.item is not None:
        content["Item"] = marshal(step.item)
    if step.key is not None:
        content["Key"] = marshal(step.key)
    if step.change is not None:
        content["UpdateExpression"] = step.change
    if step.condition is not None:
        content["ConditionExpression"] = step.condition
        content["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {step.action: content | expression(f"{step.change or ''} {step.condition or ''}", step.values)}


def cancellation_cause(
    steps: Sequence[Step], reasons: Sequence[Mapping[str, Any]], *, grouped: bool = False
) -> Refusal | Changed | Misfits | None:
    """Return the exception for a cancelled transaction, given a reason per step; None if the request was invalid.

    It is the first refusal of a step or, if the steps belong to several requests (`grouped`), all of them.
    """
    codes = {reason.get("Code", "None") for reason in reasons}
    if not codes <= {"None", "ConditionalCheckFailed"} | BUSY:
        return None
    if steps[0].decisive and reasons[0].get("Code") in BUSY:
        return Changed()
    images = [unmarshal(reason["Item"]) if reason.get("Item") else None for reason in reasons]
    refusals: dict[int, Refusal] = {}
    for index, (step, reason, image) in enumerate(zip(steps, reasons, images, strict=True)):
        if reason.get("Code") == "ConditionalCheckFailed" and (refusal := step.refusal(image)):
            if not grouped:
                return refusal
            refusals[index] = refusal
    return Misfits(refusals, images[0]) if refusals else Changed(images[0])
