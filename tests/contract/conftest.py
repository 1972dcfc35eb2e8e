"""What the tests of the contract share."""

from typing import Any

import pytest
from connexion.json_schema import resolve_refs

from handlers.contract import Contract


@pytest.fixture(scope="session")
def contract() -> Any:
    """Give the contract with every reference replaced by what it refers to."""
    return resolve_refs(Contract().for_routing())
