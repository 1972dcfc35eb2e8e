"""Every response of the contract is one that the service gives: a request provokes each of them."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Final

import pytest

from handlers.app import app_from, create_app
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from tests.apparatus.client import Client
from tests.apparatus.issuer import Issuer, bearer, issuing
from tests.apparatus.provoked import mistake_in_every_handler, provoking, store_down
from tests.apparatus.response_check import ResponseCheck

DOCUMENT: Final = Contract().document
RESPONSES: Final = [
    pytest.param(operation.operation_id, status, id=f"{operation.operation_id}-{status}")
    for operation in Contract().operations.values()
    for status in DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    if status not in {"429", "default"}  # The gateway sends 429; the default stands for all others.
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def apps(moto_connection: Tables, issuer: Issuer) -> dict[str, Any]:
    """Create the application, with a bug in every handler for 500, and with tokens for 401 and 403."""
    with mistake_in_every_handler():
        mistaken = ResponseCheck(create_app(moto_connection))
    guarded = ResponseCheck(app_from(issuer.variables, tables=moto_connection))
    return {"": ResponseCheck(create_app(moto_connection)), "500": mistaken, "401": guarded, "403": guarded}


@pytest.mark.parametrize(("operation_id", "status"), RESPONSES)
def test_every_documented_response_is_provoked(
    operation_id: str, status: str, moto_tables: Tables, apps: dict[str, Any], issuer: Issuer
) -> None:
    """The application checks each response and its headers against the contract."""
    client = Client(apps[""])
    client.create_users("ann", "bob")
    client.create_event(capacity=1)
    client.create_event(eventId="empty")
    client.register("conf", "ann")
    method, path, options = provoking(operation_id, status)

    with store_down(moto_tables) if status == "503" else nullcontext():
        stranger = bearer(issuer.token("eve")) if status == "403" else None
        answer = Client(apps.get(status, apps[""]), headers=stranger).request(method, path, **options)

    assert answer.status_code == int(status), answer.text
