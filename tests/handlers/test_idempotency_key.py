"""`Idempotency-Key`, as clients see it: on every POST, in both forms, and for its caller alone."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from handlers.access.caller import ANYBODY, Caller
from handlers.app import app_from
from handlers.contract import Contract
from storage.dynamodb.tables import Tables
from tests.apparatus.client import EVENT, Client, problem
from tests.apparatus.issuer import ORGANIZER, Issuer, bearer, issuing
from tests.apparatus.provoked import CONFLICTING, GOOD
from tests.apparatus.response_check import ResponseCheck

KEY: Final = "8e03978e-40d5-43dd-bc93-6894a57f9324"
POSTS: Final = [each.operation_id for each in Contract().operations.values() if each.method == "POST"]
NEW: Final = {name: value for name, value in EVENT.items() if name != "eventId"}


@pytest.fixture
def filled(client: Client) -> Client:
    client.create_event(capacity=1)
    client.create_users("ann", "bob")
    client.register("conf", "ann")
    return client


def send(client: Client, operation_id: str, key: str | None, **more: Any) -> httpx.Response:
    method, path, options = GOOD[operation_id]
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.request(method, path, **{**options, **more}, headers=headers)


def test_every_post_has_a_good_request() -> None:
    assert len(POSTS) >= 4
    assert set(POSTS) <= CONFLICTING.keys()


@pytest.mark.parametrize("operation_id", POSTS)
def test_a_repeated_post_gets_the_same_answer_also_with_the_other_form_of_its_key(
    filled: Client, operation_id: str
) -> None:
    answers = [send(filled, operation_id, key) for key in (KEY, KEY, f'"{KEY}"')]
    assert [answer.status_code for answer in answers] == [201] * 3
    for again in answers[1:]:
        assert again.json() == answers[0].json()
        assert again.headers["location"] == answers[0].headers["location"]
        assert again.headers.get("etag") == answers[0].headers.get("etag")


@pytest.mark.parametrize("operation_id", POSTS)
@pytest.mark.parametrize("key", [None, "another", KEY.upper()])
def test_a_post_with_another_key_or_none_is_refused_as_without_keys(
    filled: Client, operation_id: str, key: str | None
) -> None:
    send(filled, operation_id, KEY)
    assert send(filled, operation_id, key).status_code == 409


@pytest.mark.parametrize("operation_id", POSTS)
@pytest.mark.parametrize(
    "key", ["", '"', '""', "a b", "a,b", f'"{KEY}', f'{KEY}"', "a\\b", "ä".encode(), "k" * 256, '"' + "k" * 256 + '"']
)
def test_a_key_of_another_form_is_refused(filled: Client, operation_id: str, key: Any) -> None:
    answer = send(filled, operation_id, key)
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")
    assert {error["parameter"] for error in answer.json()["errors"]} == {"Idempotency-Key"}


def test_two_keys_are_refused(filled: Client) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = filled.post("/users", json={"name": "N"}, headers=headers)
    assert (answer.status_code, problem(answer)) == (422, "invalid-request")


def test_the_longest_key_is_the_same_in_both_forms(client: Client) -> None:
    first = client.post("/users", json={"name": "N"}, headers={"Idempotency-Key": "k" * 255})
    again = client.post("/users", json={"name": "N"}, headers={"Idempotency-Key": '"' + "k" * 255 + '"'})
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("path", "body", "other"), [("/events", NEW, {"capacity": 3}), ("/users", {"name": "A"}, {"name": "B"})]
)
def test_a_creation_without_an_id_is_done_once_and_other_fields_are_refused(
    client: Client, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": KEY}
    first, again = (client.post(path, json=body, headers=headers) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    answer = client.post(path, json={**body, **other}, headers=headers)
    assert (answer.status_code, problem(answer)) == (422, "idempotency-key-reused")
    assert "errors" not in answer.json()
    assert client.get(f"{path}/{first.headers['location'].split('/')[1]}").json() == first.json()


def test_a_default_that_is_sent_is_the_same_field(client: Client) -> None:
    headers = {"Idempotency-Key": KEY}
    first = client.post("/events", json={**NEW, "hasWaitlist": False}, headers=headers)
    short = {name: value for name, value in NEW.items() if name != "hasWaitlist"}
    again = client.post("/events", json={**short, "status": "active", "waitlistEnabled": False}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())


def test_a_repeated_registration_shows_its_status_of_now(filled: Client) -> None:
    assert send(filled, "register_user", KEY).json()["status"] == "waitlisted"
    filled.delete("/events/conf/registrations/ann")
    again = send(filled, "create_registration", KEY)
    assert (again.status_code, again.json()["status"]) == (201, "confirmed")


def test_a_page_of_another_site_may_send_the_key(client: Client) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,idempotency-key"}
    answer = client.request("OPTIONS", "/events", headers={"Origin": "https://a.example", **asked})
    assert answer.status_code == 200
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].lower()


def test_the_contract_fills_in_no_key() -> None:
    """Otherwise everybody who tries an operation out would send the same one."""
    document = Contract().document["components"]
    parameter, schema = document["parameters"]["IdempotencyKeyInHeader"], document["schemas"]["IdempotencyKey"]
    assert not {"example", "examples", "default"} & (parameter.keys() | schema.keys())
    assert not parameter.get("required")


def test_the_key_of_a_caller_is_that_of_no_other() -> None:
    keys = [Caller(name).key(text) for name in ("ann", "bob") for text in ("a", "b")] + [ANYBODY.key("a")]
    assert len(set(keys)) == len(keys)
    assert {len(key or "") for key in keys} == {22}
    assert Caller("ann").key('"a"') == Caller("ann").key("a")
    assert Caller("ann").key(None) is None


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
def guarded(moto_tables: Tables, issuer: Issuer) -> Client:
    return Client(ResponseCheck(app_from(issuer.variables, tables=moto_tables)))


def as_caller(guarded: Client, issuer: Issuer, name: str, *roles: str, key: str = KEY) -> Client:
    return guarded.sending({**bearer(issuer.token(name, *roles)), "Idempotency-Key": key})


def test_an_organizer_never_meets_the_event_of_another_by_its_key(guarded: Client, issuer: Issuer) -> None:
    olga, otto = (as_caller(guarded, issuer, name, ORGANIZER) for name in ("olga", "otto"))
    first, other = olga.post("/events", json=NEW), otto.post("/events", json=NEW)
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["eventId"] != other.json()["eventId"]
    assert olga.post("/events", json=NEW).json() == first.json()
    olga.create_event(eventId="x")
    assert problem(otto.post("/events", json={**EVENT, "eventId": "x"})) == "event-exists"


def test_an_organizer_never_meets_the_user_of_another_by_its_key(guarded: Client, issuer: Issuer) -> None:
    olga, otto = (as_caller(guarded, issuer, name, ORGANIZER) for name in ("olga", "otto"))
    first, other = olga.post("/users", json={"name": "N"}), otto.post("/users", json={"name": "N"})
    assert first.json()["userId"] != other.json()["userId"]
    assert olga.post("/users", json={"name": "N"}).json() == first.json()


def test_a_person_repeats_without_naming_themself(guarded: Client, issuer: Issuer) -> None:
    as_caller(guarded, issuer, "olga", ORGANIZER).create_event()
    ann = as_caller(guarded, issuer, "ann")
    made = [ann.post("/users", json={"name": "Ann"}) for _ in range(2)]
    assert [answer.json()["userId"] for answer in made] == ["ann", "ann"]
    assert problem(ann.post("/users", json={"name": "Other"})) == "idempotency-key-reused"
    registered = [ann.post("/events/conf/registrations", json={}) for _ in range(2)]
    assert [answer.status_code for answer in registered] == [201, 201]


def test_who_may_do_it_is_checked_before_the_key(guarded: Client, issuer: Issuer) -> None:
    """The key of an organizer and a registration that exists: others learn nothing by sending it."""
    olga = as_caller(guarded, issuer, "olga", ORGANIZER)
    olga.create_event()
    olga.create_users("ann")
    olga.register("conf", "ann")
    for other in (as_caller(guarded, issuer, "otto", ORGANIZER), as_caller(guarded, issuer, "bob")):
        answer = other.post("/events/conf/registrations", json={"userId": "ann"})
        assert answer.status_code == 403
    ann = as_caller(guarded, issuer, "ann").post("/events/conf/registrations", json={})
    assert problem(ann) == "already-registered"
