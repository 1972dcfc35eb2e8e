"""Reserves concurrency for a new stack, which bounds what a flood of slow requests costs."""

from collections.abc import Mapping
from typing import Final

from cfn.stack.aws import Aws

#: Concurrent requests that a new stack reserves; at 0.5 GB they cost at most $864 in a month of 30 days.
RESERVED: Final = 50
#: Lambda refuses a reservation that leaves the account less than this.
_REST: Final = 100


def reservation(aws: Aws, before: Mapping[str, str]) -> dict[str, str]:
    """Return the parameter for a new stack, or nothing where it exists or the account's own quota is as small."""
    if before or aws.emulator_url:
        return {}
    limits = aws.client("lambda").get_account_settings()["AccountLimit"]
    return (
        {"ReservedConcurrency": str(RESERVED)} if limits["UnreservedConcurrentExecutions"] >= RESERVED + _REST else {}
    )
