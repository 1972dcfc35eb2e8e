"""A new stack reserves concurrency where the account can spare it."""

from typing import Any

import pytest

from cfn.stack.concurrency import reservation


class _Account:
    """An account with unreserved concurrency, on AWS or on an emulator."""

    def __init__(self, unreserved: int, emulator_url: str | None = None) -> None:
        self.emulator_url = emulator_url
        self._unreserved = unreserved

    def client(self, name: str) -> "_Account":
        assert name == "lambda"
        return self

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self._unreserved}}


def _reserved(account: _Account, before: dict[str, str] | None = None) -> dict[str, str]:
    return reservation(account, before or {})  # type: ignore[arg-type] # it has every member that is used


def test_a_new_stack_reserves_fifty() -> None:
    assert _reserved(_Account(1000)) == _reserved(_Account(150)) == {"ReservedConcurrency": "50"}


@pytest.mark.parametrize("unreserved", [10, 149])
def test_an_account_that_can_spare_none_is_not_asked_for_it(unreserved: int) -> None:
    """Lambda would refuse; the quota of the account is then the bound."""
    assert _reserved(_Account(unreserved)) == {}


def test_an_existing_stack_and_an_emulator_keep_what_they_have() -> None:
    assert _reserved(_Account(1000), {"ReservedConcurrency": "-1"}) == {}
    assert _reserved(_Account(1000, "http://127.0.0.1:4566")) == {}
