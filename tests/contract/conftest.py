"""Fixture of the contract."""

from typing import Any

import pytest

from handlers.contract import Contract


@pytest.fixture(scope="session")
def contract() -> Any:
    """Return the contract with every reference replaced by its target."""
    contract = Contract()
    return contract.resolve(contract.document)
