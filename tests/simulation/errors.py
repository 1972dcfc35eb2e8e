"""The errors of the simulated store, as boto3 raises them."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError


class TransactionCanceledError(ClientError):
    """The exception that boto3 raises for a cancelled transaction."""


def error(code: str, operation: str, status: int = 400) -> ClientError:
    """Return an error of DynamoDB as boto3 raises it."""
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": code}, "ResponseMetadata": metadata}, operation)


def cancelled(reasons: Sequence[Mapping[str, Any]]) -> TransactionCanceledError:
    """Return the error of a cancelled transaction, with a reason for each step."""
    answer: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
    return TransactionCanceledError(answer | {"CancellationReasons": list(reasons)}, "TransactWriteItems")
