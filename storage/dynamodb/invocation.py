"""Asynchronous invocation of a Lambda function, for what remains to do after a response: nothing runs there then."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: Timeouts of each of two attempts, in seconds: the invocation is the last thing that a request does.
CONNECT_SECONDS: Final = 0.5
READ_SECONDS: Final = 0.5


class InvocationError(Exception):
    """Lambda did not accept the invocation; the message has the reason."""


def invoke_later(function: str, payload: Mapping[str, Any]) -> None:
    """Queue an invocation of a function, by its ARN. Lambda repeats the invocation twice if it fails.

    Raises:
        InvocationError: Lambda did not accept it.

    """
    try:
        _client().invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload))
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise InvocationError(code) from error


@cache
def _client() -> Any:
    """Create the client on first use: few invocations need it, and it takes time that a cold start does not have."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.client("lambda", config=config)
