"""Translate boto3's errors into refusals for the caller, with advice for the operator in the message."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - its name
    HTTPClientError,
    ReadTimeoutError,
)

from storage.dynamodb.deadline import READ_SECONDS, time_left
from storage.dynamodb.steps import BUSY
from storage.errors import Contention, DeadlineExceeded, StorageUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EXPIRED: Final = "the credentials have expired; renew them"
_WRONG: Final = "the credentials are not known there; check AWS_PROFILE, AWS_ACCESS_KEY_ID and the region"
_FORBIDDEN: Final = "the credentials do not allow the call; compare their policy with cfn/template/role.py"
_ITS_OWN: Final = "an error of the store itself, after retries; if it lasts, see the status page of AWS"
_NO_STORE: Final = "the server there is not DynamoDB; check AWS_ENDPOINT_URL_DYNAMODB"
_SILENT: Final = "check that it runs, AWS_ENDPOINT_URL_DYNAMODB, the region and the network"
_NO_URL: Final = "the URL of the store is not valid; check AWS_ENDPOINT_URL_DYNAMODB or --store"
_NO_ACCESS: Final = "boto3 finds no credentials or no region that it can use; check AWS_PROFILE, ~/.aws and the region"

#: Error codes of DynamoDB and of the service that issues credentials, each with advice for the operator.
_ADVICE: Final = {
    "AccessDenied": _FORBIDDEN,
    "AccessDeniedException": _FORBIDDEN,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "IncompleteSignatureException": _WRONG,
    "InternalServerError": _ITS_OWN,
    "InvalidClientTokenId": _WRONG,
    "InvalidSignatureException": "the secret key or this machine's clock is wrong; check both",
    "MissingAuthenticationTokenException": _WRONG,
    "ResourceNotFoundException": "a table is missing; create it, or check the names of the tables and the region",
    "ServiceUnavailable": _ITS_OWN,
    "SignatureDoesNotMatch": "the secret key or this machine's clock is wrong; check both",
    "UnrecognizedClientException": _WRONG,
}


@contextmanager
def translated(client: "DynamoDBClient | None" = None, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Raise boto3's errors in the block as refusals.

    The message contains the error's code or class and the endpoint, but not the error's text, which may be private.

    Raises:
        Contention: The store is throttled, or another transaction is at the same items.
        DeadlineExceeded: The request's time ran out before the store had its full time to answer.
        StorageUnavailable: The store does not answer, refuses the call, or there are no credentials; without a client,
            also that its URL is not valid.

    """
    start = time.monotonic()
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in BUSY:
            raise Contention from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        advice = _ADVICE.get(code, _ITS_OWN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
        # botocore reports the status as the code where the response is not DynamoDB's.
        advice = advice or (_NO_STORE if code.isdigit() else None)
        if advice is None:
            raise
        tables = f", tables {', '.join(names.values())}" if names and code == "ResourceNotFoundException" else ""
        raise StorageUnavailable(f"the store refused a call: {code}{_endpoint(client)}{tables}: {advice}") from error
    except JSONDecodeError as error:
        raise StorageUnavailable(f"the store's answer is not valid JSON{_endpoint(client)}: {_NO_STORE}") from error
    except (ConnectionError, HTTPClientError) as error:
        if isinstance(error, ReadTimeoutError) and time_left() < 0 and time.monotonic() - start < READ_SECONDS:
            raise DeadlineExceeded(f"no time was left to wait for the store{_endpoint(client)}") from error
        raise StorageUnavailable(f"the store does not answer: {_name(error)}{_endpoint(client)}: {_SILENT}") from error
    except (BotoCoreError, OSError, RuntimeError) as error:
        # A program that issues credentials may be missing (OSError), or issue expired ones (RuntimeError).
        raise StorageUnavailable(f"no call to the store: {_name(error)}{_endpoint(client)}: {_NO_ACCESS}") from error
    except ValueError as error:
        if client is not None:
            raise
        # botocore has no exception of its own for an endpoint that is not a URL.
        raise StorageUnavailable(f"no call to the store: {_name(error)}: {_NO_URL}") from error


def _name(error: Exception) -> str:
    return type(error).__name__


def _endpoint(client: "DynamoDBClient | None") -> str:
    return f" at {client.meta.endpoint_url}, region {client.meta.region_name}" if client else ""
