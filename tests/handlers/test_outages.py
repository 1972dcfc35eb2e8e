"""A store that is not available: 503 for the client, one line for the operator, and 200 once it is available again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from botocore import exceptions

from storage.dynamodb.tables import Tables
from storage.errors import StorageUnavailable
from tests.apparatus.client import EVENT, Client, problem

#: A text in boto3's errors that must not reach a client or a log.
PRIVATE: Final = "AKIAIOSFODNN7EXAMPLE with FwoGZXIvYXdzEBYaDP for arn:aws:iam::123456789012:user/ada"


def refused(code: str, status: int = 400) -> exceptions.ClientError:
    error: Any = {"Error": {"Code": code, "Message": PRIVATE}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(error, "GetItem")


#: Exceptions of boto3, each with the code and the advice that the log must contain.
FAULTS: Final = [
    (exceptions.EndpointConnectionError(endpoint_url=PRIVATE), "EndpointConnectionError", "check that it runs"),
    (exceptions.ConnectTimeoutError(endpoint_url=PRIVATE), "ConnectTimeoutError", "check that it runs"),
    (exceptions.ConnectionClosedError(endpoint_url=PRIVATE), "ConnectionClosedError", "check that it runs"),
    (exceptions.NoCredentialsError(), "NoCredentialsError", "AWS_PROFILE"),
    (exceptions.PartialCredentialsError(provider="env", cred_var=PRIVATE), "PartialCredentialsError", "AWS_PROFILE"),
    (exceptions.RefreshWithMFAUnsupportedError(), "RefreshWithMFAUnsupportedError", "AWS_PROFILE"),
    (exceptions.CredentialRetrievalError(provider="p", error_msg=PRIVATE), "CredentialRetrievalError", "AWS_PROFILE"),
    (exceptions.UnauthorizedSSOTokenError(), "UnauthorizedSSOTokenError", "AWS_PROFILE"),
    (FileNotFoundError(PRIVATE), "FileNotFoundError", "AWS_PROFILE"),
    (RuntimeError("the refreshed credentials are still expired"), "RuntimeError", "AWS_PROFILE"),
    (refused("ExpiredTokenException"), "ExpiredTokenException", "renew them"),
    (refused("ExpiredToken", 403), "ExpiredToken", "renew them"),
    (refused("UnrecognizedClientException"), "UnrecognizedClientException", "not known there"),
    (refused("InvalidSignatureException"), "InvalidSignatureException", "clock"),
    (refused("AccessDeniedException"), "AccessDeniedException", "cfn/template/role.py"),
    (refused("ResourceNotFoundException"), "ResourceNotFoundException", "a table is missing"),
    (refused("InternalServerError", 500), "InternalServerError", "the store itself"),
    (refused("404", 404), "404", "is not DynamoDB"),
    (refused("301", 301), "301", "is not DynamoDB"),
]


@contextmanager
def failing(tables: Tables, fault: Exception) -> Iterator[None]:
    """Make every call to the store raise `fault`."""

    def fail(**_event: Any) -> None:
        raise fault

    tables.client.meta.events.register("before-call.dynamodb", fail)
    try:
        yield
    finally:
        tables.client.meta.events.unregister("before-call.dynamodb", fail)


@pytest.mark.parametrize(("fault", "code", "advice"), FAULTS, ids=lambda value: value if type(value) is str else "")
def test_each_kind_of_outage_is_503_with_one_line_for_the_operator_until_it_ends(  # noqa: PLR0913 - three are fixtures
    client: Client,
    moto_tables: Tables,
    log_lines: Callable[[], list[dict[str, Any]]],
    fault: Exception,
    code: str,
    advice: str,
) -> None:
    requests = [("GET", "/health", None), ("GET", "/events/conf", None), ("POST", "/events", EVENT)]
    with failing(moto_tables, fault):
        answers = [client.request(method, path, json=body) for method, path, body in requests]
    for answer in answers:
        assert (answer.status_code, problem(answer), answer.headers["retry-after"]) == (503, "storage-unavailable", "5")
        # The request's id is random, and may contain the digits of a code.
        rest = answer.text.replace(answer.json()["instance"], "")
        assert not [word for word in (code, PRIVATE, "us-east-1", "amazonaws") if word in rest]

    lines = log_lines()
    assert len(lines) == 2 * len(requests)
    for line, logged in zip(lines[::2], lines[1::2], strict=True):
        assert (line["level"], logged["status"], logged["error"]) == ("ERROR", 503, "storage-unavailable")
        assert line["request_id"] == logged["request_id"]
        for word in (f" {code} at https://dynamodb.us-east-1.amazonaws.com, region us-east-1", advice):
            assert word in line["message"]
        assert ("tables Events, Users, Registrations" in line["message"]) == (code == "ResourceNotFoundException")
        assert "traceback" not in line
    assert "AKIA" not in str(lines)

    assert [client.request(method, path, json=body).status_code for method, path, body in requests] == [200, 404, 201]


def test_the_service_is_unavailable_until_its_tables_exist(client: Client, moto_tables: Tables) -> None:
    names = moto_tables.names
    moto_tables.names = dict.fromkeys(names, "absent")
    try:
        assert problem(client.get("/health")) == "storage-unavailable"
        assert problem(client.post("/events", json=EVENT)) == "storage-unavailable"
    finally:
        moto_tables.names = names
    assert client.get("/health").status_code == 200


@pytest.fixture
def no_access(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Hide all configuration from boto3, and return the path at which it looks for its configuration file."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    return tmp_path / "config"


def test_without_credentials_it_starts_and_reports_what_is_missing(no_access: Any) -> None:
    assert not no_access.exists()
    with pytest.raises(StorageUnavailable, match=r"no call to the store: NoCredentialsError at .*AWS_PROFILE"):
        Tables.connect({}, region_name="us-east-1", endpoint_url="http://127.0.0.1:9").ping()


@pytest.mark.parametrize(
    ("config", "variables", "found"),
    [
        ("", {}, "NoRegionError"),
        ("", {"AWS_PROFILE": "nobody"}, "ProfileNotFound"),
        ("", {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": PRIVATE}, "PartialCredentialsError"),
        ("[default]\ncredential_process = false", {"AWS_DEFAULT_REGION": "us-east-1"}, "CredentialRetrievalError"),
        ("[default]\ncredential_process = /nowhere", {"AWS_DEFAULT_REGION": "us-east-1"}, "FileNotFoundError"),
    ],
    ids=lambda value: value if type(value) is str and value.isalpha() else "",
)
def test_a_configuration_that_can_not_work_is_reported_at_the_start(
    no_access: Any, monkeypatch: pytest.MonkeyPatch, config: str, variables: dict[str, str], found: str
) -> None:
    no_access.write_text(config)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageUnavailable, match=f"no call to the store: {found}: boto3 finds no") as refusal:
        Tables.connect({})
    assert PRIVATE not in str(refusal.value)


def test_an_endpoint_that_is_not_a_url_is_reported_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", PRIVATE)
    with pytest.raises(StorageUnavailable, match="the URL of the store is not valid; check AWS_ENDPOINT") as refusal:
        Tables.connect({})
    assert PRIVATE not in str(refusal.value)
