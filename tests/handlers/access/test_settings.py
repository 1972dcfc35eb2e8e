"""The settings of an issuer, and a service that lacks what verifies tokens."""

import sys

import pytest

from handlers.app import app_from
from handlers.settings import Issuer, SettingsError
from storage.dynamodb.tables import Tables

TRUSTED = {"JWT_ISSUER": "https://login.example.com/", "JWT_AUDIENCE": "events"}


def test_without_an_issuer_there_are_no_tokens() -> None:
    assert Issuer.of({}) is None
    assert Issuer.of({"JWT_ISSUER": "", "JWT_AUDIENCE": "", "JWT_ORGANIZER": "events:organizer"}) is None


def test_several_audiences_are_separated_by_commas_and_roles_have_other_names_if_they_are_given() -> None:
    found = Issuer.of({**TRUSTED, "JWT_AUDIENCE": "web, app", "JWT_ORGANIZER": "events/organizer", "JWT_ADMIN": "root"})
    assert found == Issuer("https://login.example.com/", frozenset({"web", "app"}), "events/organizer", "root")


@pytest.mark.parametrize("module", ["jwt", "handlers.access.tokens"])
def test_a_service_that_can_not_verify_tokens_does_not_start_with_an_issuer(
    module: str, moto_connection: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifying = ("jwt", "handlers.access.tokens", "handlers.access.keys")
    for loaded in [name for name in sys.modules if name.startswith(verifying)]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SettingsError, match=f"JWT_ISSUER is set, and {module}, which verifies tokens, is missing"):
        app_from(TRUSTED, tables=moto_connection)
