"""Fuzzes a service with tokens as one person, in this process; what she reads is asked for again by another person."""

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from schemathesis import GenerationMode, HookContext
from schemathesis.config._auth import WFCAuthConfig
from schemathesis.wfc.integration import register_wfc_auth

from handlers.access.requirements import Requirement
from handlers.app import app_from
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.client import Client
from tests.apparatus.issuer import ORGANIZER, Issuer, bearer, issuing
from tests.fuzz.run import Run, fuzz, summary

PERSON: Final = "ann"
OTHER: Final = "bob"


@pytest.fixture
def issuer(caplog: pytest.LogCaptureFixture) -> Iterator[Issuer]:
    caplog.set_level(logging.CRITICAL, "handlers.requests")  # It would print a line per request.
    with issuing() as running:
        yield running


def test_nobody_reads_what_is_another_persons(issuer: Issuer, moto_tables: Tables, tmp_path: Path) -> None:
    asked: set[str] = set()

    run = _fuzzed(moto_tables, issuer, tmp_path, asked, lambda _run: "/users/ann" in asked)

    assert not run.findings, summary(run.findings)
    assert "/users/ann" in asked, f"seed {run.seed} never asked for what is another person's"


def test_a_service_that_does_not_compare_the_person_is_noticed(
    issuer: Issuer, moto_tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Requirement, "check_person", lambda _self, _caller, _arguments: None)

    run = _fuzzed(moto_tables, issuer, tmp_path, set(), lambda run: bool(run.findings))

    assert "object_level_authorization" in {finding.check for finding in run.findings}, f"seed {run.seed}"


def _fuzzed(tables: Tables, issuer: Issuer, folder: Path, asked: set[str], enough: Callable[[Run], bool]) -> Run:
    """Fuzz a service whose only event is an organizer's; `asked` gets the paths that the other person asks for."""
    app = app_from(issuer.variables, tables=tables)
    tokens = {name: bearer(issuer.token(name)) for name in (PERSON, OTHER)}

    def prepare() -> None:
        Client(app).sending(bearer(issuer.token("olga", ORGANIZER))).create_event(eventId="tech-conf-2024")

    def afresh() -> None:
        for table in TABLES:
            tables.client.delete_table(TableName=table)
        tables.create_missing()
        prepare()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if dict(scope.get("headers", [])).get(b"authorization", b"").decode() == tokens[OTHER]["Authorization"]:
            asked.add(scope["path"])
        await app(scope, receive, send)

    prepare()
    seed = int(os.environ.get("FUZZ_SEED", random.getrandbits(32)))
    peers = _as_peers(tokens, folder / "peers.json")
    return fuzz(watched, max_examples=5, seed=seed, afresh=afresh, set_up=peers, enough=enough)


def _as_peers(tokens: dict[str, dict[str, str]], file: Path) -> Callable[[Any], None]:
    """Send all requests as the first person, and repeat as the others what she reads of her own."""
    users = [
        {"name": name, "fixedHeaders": [{"name": key, "value": value} for key, value in headers.items()]}
        for name, headers in tokens.items()
    ]
    file.write_text(json.dumps({"auth": users}))

    def set_up(schema: Any) -> None:
        register_wfc_auth(schema, WFCAuthConfig(path=str(file), user=PERSON, peers=list(tokens)))
        schema.config.generation.update(modes=[GenerationMode.POSITIVE])
        schema.config.phases.coverage.enabled = False
        schema.hook(map_body)

    return set_up


def map_body(_context: HookContext, body: Any) -> Any:
    """Leave the person to the token: for schemathesis, an object belongs to its creator only if the id was not sent."""
    return {name: value for name, value in body.items() if name != "userId"} if isinstance(body, dict) else body
