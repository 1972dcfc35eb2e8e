"""The boto3 client of the tables: its timeouts, retries and connections."""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from storage.dynamodb.deadline import CONNECT_SECONDS, READ_SECONDS, bind
from storage.dynamodb.requests import send_as_json
from storage.dynamodb.responses import take_as_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: A constant, which spares botocore building one in every call.
USER_AGENT: Final = f"events-api Boto3/{boto3.__version__}"

#: Maximum number of connections, one per thread: the server's threads, and those for concurrent calls.
CONNECTIONS: Final = 88
SERVER_THREADS: Final = 64


def connected_client(*, as_json: bool = True, **options: Any) -> "DynamoDBClient":
    """Return a client with boto3's default credentials, region and endpoint, unless the options name others.

    With `as_json`, requests are sent without botocore's serializer, which looks for ARNs in them.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        parameter_validation=False,
        user_agent=USER_AGENT,
        retries={"mode": "standard", "total_max_attempts": 3},
    ).merge(options.pop("config", Config()))
    client = boto3.client("dynamodb", config=config, **options)
    urlsplit(client.meta.endpoint_url).port  # noqa: B018 - it raises ValueError, as every call would
    bind(client)
    take_as_json(client)
    if as_json:
        send_as_json(client)
    return client
