"""What it means that the store can't answer: a refusal for the client, and for the operator what to look at."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004 - its name

from storage.dynamodb.steps import BUSY
from storage.errors import Contention, StorageUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EXPIRED: Final = "the credentials have expired; renew them"
_WRONG: Final = "the credentials are not known there; look at AWS_PROFILE, AWS_ACCESS_KEY_ID and the region"
_FORBIDDEN: Final = "the credentials do not allow it; compare their policy with that of cfn/template/role.py"
_ITS_OWN: Final = "an error of the store itself; it is repeated, and passes or is on its status page"
_NO_STORE: Final = "something else than DynamoDB answers there; look at AWS_ENDPOINT_URL_DYNAMODB"
_SILENT: Final = "see that it runs, and look at AWS_ENDPOINT_URL_DYNAMODB, the region and the network"
_NO_ACCESS: Final = (
    "boto3 finds no credentials or no region that it can use; look at AWS_PROFILE, ~/.aws and the region"
)

#: What an operator can do about the codes with which DynamoDB, and the service that gives out credentials, refuse us.
_ADVICE: Final = {
    "AccessDenied": _FORBIDDEN,
    "AccessDeniedException": _FORBIDDEN,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "IncompleteSignatureException": _WRONG,
    "InternalServerError": _ITS_OWN,
    "InvalidClientTokenId": _WRONG,
    "InvalidSignatureException": "the secret key is wrong, or the clock of this machine is",
    "MissingAuthenticationTokenException": _WRONG,
    "ResourceNotFoundException": "a table is missing; create it, or look at the names of the tables and the region",
    "ServiceUnavailable": _ITS_OWN,
    "SignatureDoesNotMatch": "the secret key is wrong, or the clock of this machine is",
    "UnrecognizedClientException": _WRONG,
}


@contextmanager
def translated(client: "DynamoDBClient | None" = None, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Turn what boto3 raises when the store can't answer into the ledger's own refusals.

    Their message has the error's code or class and the place, but none of its text, which may hold what is private.

    Raises:
        Contention: The store is too busy.
        StorageUnavailable: The store does not answer, refuses us, or there are no credentials.

    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in BUSY:
            raise Contention from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        advice = _ADVICE.get(code, _ITS_OWN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
        # botocore takes the status for the code where an answer is none of DynamoDB's.
        advice = advice or (_NO_STORE if code.isdigit() else None)
        if advice is None:
            raise
        tables = f", tables {', '.join(names.values())}" if names and code == "ResourceNotFoundException" else ""
        raise StorageUnavailable(f"the store refused a call: {code}{_place(client)}{tables}: {advice}") from error
    except JSONDecodeError as error:
        raise StorageUnavailable(f"no answer of the store is JSON{_place(client)}: {_NO_STORE}") from error
    except (ConnectionError, HTTPClientError) as error:
        raise StorageUnavailable(f"the store does not answer: {_name(error)}{_place(client)}: {_SILENT}") from error
    except (BotoCoreError, OSError, RuntimeError) as error:
        # A program that gives out credentials may be missing (OSError), or give out expired ones (RuntimeError).
        raise StorageUnavailable(f"no call to the store: {_name(error)}{_place(client)}: {_NO_ACCESS}") from error


def _name(error: Exception) -> str:
    return type(error).__name__


def _place(client: "DynamoDBClient | None") -> str:
    return f" at {client.meta.endpoint_url}, region {client.meta.region_name}" if client else ""
