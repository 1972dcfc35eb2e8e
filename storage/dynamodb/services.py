"""Clients of the other services of AWS that functions beside the service call."""

from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config

#: Timeouts of each of three attempts, in seconds.
CONNECT_SECONDS: Final = 1
READ_SECONDS: Final = 3


@cache
def client(service: str) -> Any:
    """Return the client of a service, which is made on first use."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    # An overload for any name of a service is missing in the types.
    return boto3.client(service, config=config)  # type: ignore[call-overload]
