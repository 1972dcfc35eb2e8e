"""The real service on an emulated stack: deploy, use, update, destroy."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest
from rich.console import Console

from cfn.package.build import Package
from cfn.stack.aws import Aws
from cfn.stack.deploy import deploy
from cfn.stack.destroy import destroy
from cfn.stack.settings import StackSettings
from cfn.template.tables import LOGICAL_IDS
from storage.audit import audit
from storage.dynamodb.tables import Tables
from tests.apparatus.deployed import Client
from tests.apparatus.patience import until
from tests.apparatus.registered import crowd, raise_and_crash

pytestmark = pytest.mark.deployed

_CONFERENCE = {
    "eventId": "tech-conf-2024",
    "title": "Tech Conference 2024",
    "description": "Annual technology conference",
    "date": "2024-12-15",
    "location": "San Francisco, CA",
    "capacity": 2,
    "organizer": "Tech Corp",
    "status": "active",
    "hasWaitlist": True,
}


def _register_until_promotion(call: Client) -> None:
    """Fill an event and its waitlist, and see the first place promoted."""
    assert call("GET", "/")[0] == 200
    assert call("POST", "/events", _CONFERENCE)[0] == 201
    assert call("POST", "/events", _CONFERENCE)[0] == 409
    assert [event["eventId"] for event in call("GET", "/events?status=active")[1]["events"]] == ["tech-conf-2024"]
    for user in ("user-1", "user-2", "user-3"):
        assert call("POST", "/users", {"userId": user, "name": user})[0] == 201
    registered = [
        call("POST", "/registrations", {"userId": "user-1", "eventId": "tech-conf-2024"}),
        call("POST", "/events/tech-conf-2024/registrations", {"userId": "user-2"}),
        call("POST", "/events/tech-conf-2024/registrations", {"userId": "user-3"}),
    ]
    assert [status for status, _, _ in registered] == [201, 201, 201]
    assert [body["status"] for _, body, _ in registered] == ["confirmed", "confirmed", "waitlisted"]
    assert call("DELETE", "/registrations/user-1/tech-conf-2024")[:2] == (204, None)
    assert call("GET", "/events/tech-conf-2024/registrations/user-3")[1]["status"] == "confirmed"


def _check_kept_data(call: Client) -> None:
    status, body, _ = call("GET", "/events/tech-conf-2024")
    assert (status, body["confirmedCount"], body["waitlistCount"]) == (200, 2, 0)
    assert len(call("GET", "/users/user-3/registrations")[1]["registrations"]) == 1


def test_the_service_is_deployed_used_updated_and_destroyed_and_its_tables_are_kept(
    aws: Aws, host_package: Package, console: Console, printed: Callable[[], str]
) -> None:
    settings = StackSettings("flow", {})
    call = Client(deploy(aws, settings, host_package, console))
    _register_until_promotion(call)

    assert "No changes" not in printed()
    deploy(aws, settings, host_package, console)
    assert "No changes: stack flow is up to date." in printed()
    _check_kept_data(call)

    deploy(aws, replace(settings, parameters={"MemorySize": "1024"}), host_package, console)
    _check_kept_data(call)

    destroy(aws, "flow", console, confirmed=True)
    kept = [table for table in aws.client("dynamodb").list_tables()["TableNames"] if table.startswith("flow-")]
    assert len(kept) == 3


@pytest.fixture(scope="module")
def call(aws: Aws, host_package: Package) -> Client:
    return Client(deploy(aws, StackSettings("responses", throw_away=True), host_package, Console(quiet=True)))


@pytest.fixture
def tables(aws: Aws, call: Client) -> Tables:  # noqa: ARG001 - the stack must exist
    """Return the tables of the stack, without the service in front of them."""
    cloudformation = aws.client("cloudformation")
    details = {
        name: cloudformation.describe_stack_resource(StackName="responses", LogicalResourceId=logical_id)
        for name, logical_id in LOGICAL_IDS.items()
    }
    names = {name: detail["StackResourceDetail"]["PhysicalResourceId"] for name, detail in details.items()}
    return Tables(aws.client("dynamodb"), names)


def test_a_promotion_that_no_request_finishes_is_finished_by_invocations_of_the_function_itself(
    call: Client, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that raised the capacity died. A newcomer promotes two batches, and hands over the rest."""
    crowd(tables, 400)
    raise_and_crash(tables, monkeypatch, 401)
    assert call("POST", "/users", {"userId": "newcomer", "name": "N"})[0] == 201
    status, registration, _headers = call("POST", "/registrations", {"userId": "newcomer", "eventId": "e"})
    assert (status, registration["status"]) == (201, "waitlisted")
    until(lambda: call("GET", "/events/e")[1]["confirmedCount"] == 401)
    assert call("GET", "/events/e/registrations/newcomer")[1]["waitlistPosition"] == 1
    assert list(audit(tables)) == []


def test_location_ends_with_the_id_of_the_new_resource(call: Client) -> None:
    status, body, headers = call("POST", "/users", {"name": "Ada"})
    assert (status, headers["location"].rpartition("/")[2]) == (201, body["userId"])


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [("GET", "/nothing", 404, "Not Found"), ("PATCH", "/events", 405, "Method Not Allowed")],
)
def test_unknown_paths_and_methods_are_answered_by_the_service(
    call: Client, method: str, path: str, status: int, title: str
) -> None:
    answered, body, headers = call(method, path)
    assert (answered, body["title"]) == (status, title)
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/registrations", "POST"),
        ("PATCH", "/events/e/registrations", "GET, HEAD, POST"),
        ("POST", "/docs/swagger-ui.css", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
def test_another_method_on_a_route_of_the_gateway_is_405_with_every_method_that_is_allowed(
    call: Client, method: str, path: str, allowed: str
) -> None:
    status, body, headers = call(method, path)
    assert (status, body["title"], headers["allow"]) == (405, "Method Not Allowed", allowed)


@pytest.mark.parametrize("event_id", ["Talk~1:a+b@example.org", "100-_."])
def test_a_route_of_the_gateway_leads_to_the_event_however_its_id_is_encoded(call: Client, event_id: str) -> None:
    assert call("POST", "/events", {**_CONFERENCE, "eventId": event_id})[0] == 201
    everything_encoded = "".join(f"%{ord(character):02X}" for character in event_id)
    for number, encoded in enumerate([event_id, quote(event_id, safe=""), everything_encoded]):
        user = f"{number}-{event_id}"
        assert call("POST", "/users", {"userId": user, "name": "Ada"})[0] == 201
        status, body, headers = call("POST", f"/events/{encoded}/registrations", {"userId": user})
        assert (status, body["eventId"]) == (201, event_id)
        assert headers["location"] == f"registrations/{user}"


def test_an_encoded_slash_in_an_id_is_answered_in_the_same_way_on_every_route(call: Client) -> None:
    posted = call("POST", "/events/a%2Fb/registrations", {"userId": "user-1"})
    listed = call("GET", "/events/a%2Fb/registrations")
    assert (posted[0], posted[1]["title"]) == (listed[0], listed[1]["title"])
    assert posted[2]["content-type"] == "application/problem+json"


def test_swagger_ui_has_its_files_and_nothing_else(call: Client) -> None:
    assert call.content_type("/docs/swagger-ui.css").startswith("text/css")
    assert call("GET", "/docs/other.js")[1]["title"] == "Not Found"


def test_the_contract_is_served_from_the_package(call: Client) -> None:
    assert call("GET", "/openapi.json")[1]["openapi"] == "3.0.3"
