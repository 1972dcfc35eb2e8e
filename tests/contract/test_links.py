"""Every link of the contract leads to an operation that succeeds with the values of the response."""

from typing import Any, Final

import pytest

from handlers.app import create_app
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from tests.apparatus.client import Client
from tests.apparatus.provoked import good
from tests.apparatus.response_check import ResponseCheck

CONTRACT: Final = Contract()

#: Bodies of linked operations; the link gives the parameters.
BODIES: Final = {
    "update_event": {"title": "Other"},
    "register_user": {"userId": "bob"},
}


def links(document: Any, operation_id: str) -> dict[str, Any]:
    """Return the links of the 201 response of an operation."""
    operation = CONTRACT.operations[operation_id]
    responses = document["paths"][operation.path][operation.method.lower()]["responses"]
    found: dict[str, Any] = responses.get("201", {}).get("links", {})
    return found


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_every_link_leads_to_an_operation_that_succeeds(operation_id: str, moto_tables: Tables, contract: Any) -> None:
    creates = CONTRACT.operations[operation_id].method == "POST"
    assert bool(links(contract, operation_id)) is creates, (
        f"{operation_id}: give the 201 of a POST links to what a client does next, and no other operation"
    )
    for link in links(contract, operation_id).values():
        for table in moto_tables.names.values():
            moto_tables.client.delete_table(TableName=table)
        moto_tables.create_missing()
        client = Client(ResponseCheck(create_app(moto_tables)))
        client.create_users("ann", "bob")
        client.create_event()
        method, path, options = good(operation_id)
        answer = client.request(method, path, **options).json()
        target = CONTRACT.operations[link["operationId"]]
        values = {
            name: answer[expression.removeprefix("$response.body#/")] for name, expression in link["parameters"].items()
        }
        body = BODIES.get(target.operation_id)
        followed = client.request(target.method, target.path.format(**values), **({"json": body} if body else {}))
        assert followed.status_code < 300, (link, followed.text)
