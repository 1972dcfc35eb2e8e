"""Access to the tables for tools, which have more time than a request."""

from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.dynamodb.outages import translated
from storage.dynamodb.tables import Tables
from storage.embedded import EMULATOR_ACCESS
from storage.schema import TABLE_VARIABLES

#: What a call raises that has no translation.
UNTRANSLATED: Final = (BotoCoreError, ClientError)

#: Time in which a tool repeats an attempt.
_RETRY_SECONDS: Final = 30.0


def connect(environ: Mapping[str, str], url: str | None = None) -> Tables:
    """Connect a tool to the tables named in the environment, on AWS or in the local store at a URL.

    Raises:
        StorageUnavailable: As `Tables.connect`.

    """
    options: dict[str, Any] = {"config": Config(retries={"mode": "standard", "total_max_attempts": 5})}
    if url is not None:
        options |= {**EMULATOR_ACCESS, "endpoint_url": url}
    return Tables.connect(environ, retry_seconds=_RETRY_SECONDS, **options)


def stack_tables(stack: str) -> dict[str, str]:
    """Return the names of a CloudFormation stack's tables, by the service's environment variables.

    Raises:
        LookupError: There is no such stack, or it lacks a table.
        StorageUnavailable: CloudFormation can't be called.

    """
    try:
        with translated():
            (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        raise LookupError(str(error)) from error
    names = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    missing = [f"{table}Table" for table in TABLE_VARIABLES if f"{table}Table" not in names]
    if missing:
        raise LookupError(f"the stack {stack} has no {', '.join(missing)}: was it made by this service?")
    return {variable: names[f"{table}Table"] for table, variable in TABLE_VARIABLES.items()}
