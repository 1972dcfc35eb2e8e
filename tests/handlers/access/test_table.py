"""Who may do what: every operation of the contract with every caller, and each check left out in turn."""

import io
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from handlers.access import keys, tokens
from handlers.access.caller import Caller as ServiceCaller
from handlers.access.requirements import Requirement
from handlers.app import app_from
from storage.dynamodb.tables import Tables
from tests.apparatus import moto_store
from tests.apparatus.client import Client, problem
from tests.apparatus.issuer import Issuer, bearer, issuing
from tests.apparatus.response_check import ResponseCheck
from tests.handlers.access.table import ALLOWED, LIMITED, PERSON, UNKNOWN, Caller, operations, prepare, request, roles

OPERATIONS: Final = list(operations())


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(moto_connection: Tables, issuer: Issuer) -> Client:
    return _guarded(moto_connection, issuer)


@pytest.fixture(scope="module")
def fill(guarded: Client, issuer: Issuer) -> Callable[[Tables], None]:
    return lambda _tables: prepare(guarded, issuer)


@pytest.fixture
def prepared(moto_tables: Tables, fill: Callable[[Tables], None]) -> None:
    """Make what the requests are about, over HTTP only once."""
    moto_store.fill_once(moto_tables, fill)


def _guarded(tables: Tables, issuer: Issuer) -> Client:
    return Client(ResponseCheck(app_from(issuer.variables, tables=tables)))


def _deviations(client: Client, issuer: Issuer, operation_id: str, callers: list[Caller]) -> Iterator[str]:
    """Send the request of each caller; yield those that were not answered as the contract says."""
    for caller in callers:
        answer = request(client, operation_id, caller.headers(issuer, PERSON.get(operation_id, "ann")))
        expected = caller.status(operation_id)
        if expected is None:
            right = answer.status_code < 300
        else:
            right = answer.status_code == expected and problem(answer) == "about:blank"
            right &= expected != 401 or answer.headers.get("WWW-Authenticate", "").startswith("Bearer realm=")
        if not right:
            yield f"{operation_id} by {caller.name}: {answer.status_code} in place of {expected or 200}"


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_only_a_public_operation_answers_a_caller_without_a_valid_token(
    operation_id: str, guarded: Client, issuer: Issuer
) -> None:
    assert not [*_deviations(guarded, issuer, operation_id, UNKNOWN)]


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("caller", [*LIMITED, *ALLOWED], ids=lambda caller: caller.name)
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_an_operation_is_for_those_whom_the_contract_names(
    operation_id: str, caller: Caller, guarded: Client, issuer: Issuer
) -> None:
    assert not [*_deviations(guarded, issuer, operation_id, [caller])]


@pytest.mark.parametrize("operation_id", [each for each in OPERATIONS if roles(each)])
def test_a_caller_is_refused_before_anything_is_looked_up(
    operation_id: str, guarded: Client, issuer: Issuer, moto_tables: Tables
) -> None:
    """The tables are gone: a look-up would be 503."""
    for table in moto_tables.client.list_tables()["TableNames"]:
        moto_tables.client.delete_table(TableName=table)

    try:
        assert not [*_deviations(guarded, issuer, operation_id, UNKNOWN)]
        # An organizer is refused by the event's owner, which has to be read.
        refused = [caller for caller in LIMITED if caller.status(operation_id) and caller.name != "another organizer"]
        assert not [*_deviations(guarded, issuer, operation_id, refused)]
    finally:
        moto_tables.create_missing()


def test_without_the_keys_of_the_issuer_an_operation_is_unavailable_and_a_public_one_is_not(
    moto_tables: Tables, issuer: Issuer
) -> None:
    down = {"JWT_JWKS_URI": f"{issuer.url}/absent"}
    client = Client(ResponseCheck(app_from({**issuer.variables, **down}, tables=moto_tables)))

    answer = client.get("/users/ann", headers=bearer(issuer.token("ann")))

    assert (answer.status_code, problem(answer), answer.headers["Retry-After"]) == (503, "issuer-unavailable", "30")
    assert client.get("/events").status_code == 200


@pytest.mark.usefixtures("moto_tables")
def test_a_remembered_token_is_refused_when_it_has_expired(
    guarded: Client, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clocks are moved: that of what is remembered, and nothing that PyJWT would look at."""
    prepare(guarded, issuer)
    ann = bearer(issuer.token("ann"))
    assert guarded.get("/users/ann", headers=ann).status_code == 200
    now = time.time()

    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + 600 + tokens.LEEWAY_SECONDS - 5))
    assert guarded.get("/users/ann", headers=ann).status_code == 200

    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + 600 + tokens.LEEWAY_SECONDS + 5))

    def expired(*_arguments: object, **_options: object) -> None:
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(jwt, "decode", expired)
    assert guarded.get("/users/ann", headers=ann).json()["detail"] == "The token has expired. Get a new one."


def test_what_is_remembered_is_bounded(moto_tables: Tables, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes first; spaces around a token do not make it another one."""
    monkeypatch.setattr(tokens, "MAX_REMEMBERED", 3)
    client = _guarded(moto_tables, issuer)
    given = [issuer.token("ann", jti=str(number)) for number in range(5)]
    for token in given:
        for spaces in ("", " ", "  "):
            client.get("/users/ann", headers={"Authorization": f"Bearer {spaces}{token}"})
    decoded: list[str] = []
    decode = jwt.decode

    def counting(token: str, *some: Any, **more: Any) -> Any:
        decoded.append(token)
        return decode(token, *some, **more)

    monkeypatch.setattr(jwt, "decode", counting)

    for token in reversed(given):
        client.get("/users/ann", headers=bearer(token))

    assert decoded == [given[1], given[0]]


def test_nothing_of_a_token_is_in_a_log_or_an_answer(moto_tables: Tables, issuer: Issuer, log: io.StringIO) -> None:
    """Neither of one that is valid nor of one that is not, also where something fails unexpectedly."""
    client = _guarded(moto_tables, issuer)
    answers = []
    for caller in [*UNKNOWN, *LIMITED, *ALLOWED]:
        headers = caller.headers(issuer, "ann")
        answer = client.get("/users/ann", headers=headers)
        answers += [answer.text, str(answer.headers)]
        said = log.getvalue() + "".join(answers)
        for part in [part for _name, value in headers for part in value.split(" ")[-1].split(".") if len(part) > 20]:
            assert part not in said, caller.name
    assert "ann" not in log.getvalue()


def _without(option: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Leave out one verification of PyJWT."""

    def leave_out(patch: pytest.MonkeyPatch) -> None:
        decode = jwt.decode

        def careless(token: str, key: Any, *, options: Any, **arguments: Any) -> Any:
            names = ("verify_signature", "verify_exp", "verify_nbf", "verify_iat", "verify_iss")
            changed: Any = {**dict.fromkeys(names, True), **options, option: False}
            return decode(token, key, options=changed, **arguments)

        patch.setattr(jwt, "decode", careless)

    return leave_out


def _not_requiring(claim: str) -> Callable[[pytest.MonkeyPatch], None]:
    def leave_out(patch: pytest.MonkeyPatch) -> None:
        decode = jwt.decode

        def careless(token: str, key: Any, *, options: Any, **arguments: Any) -> Any:
            changed: Any = {**options, "require": [each for each in options["require"] if each != claim]}
            claims = decode(token, key, options=changed, **arguments)
            return {"exp": 4_000_000_000, "sub": "root", **claims}

        patch.setattr(jwt, "decode", careless)

    return leave_out


def _believing_the_algorithm(patch: pytest.MonkeyPatch) -> None:
    """Verify a token by the algorithm that it names, as libraries once did."""
    decode = jwt.decode

    def gullible(token: str, key: Any, *, algorithms: list[str], **arguments: Any) -> Any:
        if algorithms == ["none"]:
            return decode(token, options={"verify_signature": False})
        if algorithms == ["HS256"]:
            # PyJWT refuses a public key as a secret, so its bytes are not recognizable as one.
            pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            patch.setattr("jwt.algorithms.is_pem_format", lambda _key: False)
            return decode(token, pem, algorithms=algorithms, **arguments)
        return decode(token, key, algorithms=algorithms, **arguments)

    patch.setattr(jwt, "decode", gullible)
    every = frozenset({"ES256", "HS256", "none"})
    patch.setattr(tokens, "_ACCEPTED", every)
    patch.setattr(keys, "ALGORITHMS", {("EC", "P-256"): every})
    key = keys.Key
    patch.setattr(keys, "Key", lambda value, _algorithms: key(value, every))


def _any_key(patch: pytest.MonkeyPatch) -> None:
    """Take the only key of the issuer for each id, and no signature for wrong."""

    async def find(self: keys.FetchedKeys, _key_id: str | None) -> keys.Key:
        await self.refresh()
        return next(iter(self._keys.values()))

    patch.setattr(keys.FetchedKeys, "find", find)
    _without("verify_signature")(patch)


def _any_audience(patch: pytest.MonkeyPatch) -> None:
    listed = tokens._listed  # noqa: SLF001 - a part of the module under test
    patch.setattr(tokens, "_listed", lambda claim, *, split=False: listed(claim, split=True) if split else {"events"})


#: Each check, left out.
LEFT_OUT: Final[dict[str, Callable[[pytest.MonkeyPatch], object]]] = {
    "the length of a token": lambda patch: patch.setattr(tokens, "MAX_BYTES", 100_000),
    "the size of the leeway": lambda patch: patch.setattr(tokens, "LEEWAY_SECONDS", 59),
    "the role": lambda patch: patch.setattr(Requirement, "check_role", lambda _self, _caller: None),
    "the person": lambda patch: patch.setattr(Requirement, "check_person", lambda _self, _caller, _arguments: None),
    "the owner": lambda patch: patch.setattr(ServiceCaller, "owner", lambda _self, _user_id=None: None),
    "the signature": _without("verify_signature"),
    "exp": _without("verify_exp"),
    "nbf": _without("verify_nbf"),
    "iat": _without("verify_iat"),
    "iss": _without("verify_iss"),
    "that there is an exp": _not_requiring("exp"),
    "that there is a sub": _not_requiring("sub"),
    "the audience": _any_audience,
    "the key": _any_key,
    "the algorithm": _believing_the_algorithm,
    "the type": lambda patch: patch.setattr(tokens, "_TYPES", {"jwt", "logout+jwt"}),
    "the use": lambda patch: patch.setattr(tokens, "_USES", {"access", "id"}),
    "the length of the subject": lambda patch: patch.setattr(tokens, "user_id_of", lambda subject: subject),
    "a second header": lambda patch: patch.setattr(
        tokens.Tokens, "_header", lambda _self, scope: dict(scope["headers"]).get(b"authorization", b"")
    ),
    "all of a token": lambda patch: patch.setattr(tokens.Tokens, "caller", _administrator),
}


async def _administrator(_self: tokens.Tokens, _scope: object) -> ServiceCaller:
    return ServiceCaller("root", organizer=True, admin=True)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("check", LEFT_OUT)
def test_a_check_that_is_left_out_is_noticed(
    check: str, issuer: Issuer, moto_tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    LEFT_OUT[check](monkeypatch)
    client = _guarded(moto_tables, issuer)

    some = ["list_event_registrations", "get_registration", "get_user", "create_event"]
    found = (each for operation_id in some for each in _deviations(client, issuer, operation_id, [*UNKNOWN, *LIMITED]))

    assert next(found, None)
