"""Fixture of the contract."""

from typing import Any

import pytest
from connexion.json_schema import resolve_refs

from handlers.contract import Contract


@pytest.fixture(scope="session")
def contract() -> Any:
    """Return the contract with every reference replaced by its target."""
    return resolve_refs(Contract().for_routing())
