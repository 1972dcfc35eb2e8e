"""Checks the health of the deployed service through its public URL."""

import json
import ssl
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.exceptions import WaiterError
from botocore.httpsession import get_cert_path

from cfn.errors import CommandError
from cfn.stack.aws import Aws

#: The value of ReservedConcurrency that turns the service off.
OFF: Final = "0"
#: How long an answer that is not healthy is taken for one of a service that is still starting, in seconds.
PATIENCE = 60.0


def reachable_url(aws: Aws, api_url: str) -> str:
    """Return the URL of the API as reachable from this machine: an emulator serves it below its own URL."""
    if aws.emulator_url is None:
        return api_url
    address = urlsplit(api_url)
    api, _, _ = (address.hostname or "").partition(".")
    return f"{aws.emulator_url}/_aws/execute-api/{api}{address.path}"


def check_version(aws: Aws, version: str, stage: str) -> None:
    """Invoke a version of the function until it reports healthy; raise `CommandError` after `PATIENCE` seconds."""
    function = aws.client("lambda")
    # Lambda may still be preparing it; with SnapStart this includes its start.
    waiting = {"Delay": aws.poll_seconds, "MaxAttempts": 300}
    try:
        function.get_waiter("published_version_active").wait(FunctionName=version, WaiterConfig=waiting)
    except WaiterError as error:
        raise _not_healthy(version, str(error.last_response.get("StateReason", error))) from error
    deadline = time.monotonic() + PATIENCE
    while True:
        text = _invoke(function, version, stage)
        answer = _parsed(text)
        if answer.get("statusCode") == HTTPStatus.OK and _is_healthy(str(answer.get("body"))):
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(aws.poll_seconds)
    raise _not_healthy(version, text)


def _not_healthy(version: str, reason: str) -> CommandError:
    return CommandError(
        f"The new version {version.rpartition(':')[2]} is not healthy, and gets no requests: {reason[:300].strip()!r}."
    )


def _invoke(function: Any, version: str, stage: str) -> str:
    done = function.invoke(FunctionName=version, Payload=json.dumps(_event(stage)))
    return str(done["Payload"].read().decode(errors="replace"))


def _event(stage: str) -> dict[str, Any]:
    """Return `GET /health` as the gateway sends it, in the payload format 2.0."""
    path = f"/{stage}/health"
    request = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "deploy"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "release.invalid", "accept": "application/json"},
        "requestContext": {"http": request, "stage": stage, "requestId": "release", "domainName": "release.invalid"},
        "isBase64Encoded": False,
    }


def check_health(url: str, stack: str) -> None:
    """Wait until `/health` reports healthy; raise `CommandError` after `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status, body = _get(f"{url}/health")
        if "Mock response" in body:
            raise CommandError(f"{url}/health is answered by the emulator instead of the service: {body.strip()}")
        if status == HTTPStatus.OK and _is_healthy(body):
            return
        if time.monotonic() >= deadline:
            break
        # It takes some seconds until every front end of the gateway serves a new URL.
        time.sleep(1)
    raise CommandError(
        f"The stack exists, but {url}/health answers {status}: {body[:200].strip()!r}; see `python -m cfn logs --stack "
        f"{stack}`, or go back to the version before with `python -m cfn rollback --stack {stack}`."
    )


def tls_context() -> ssl.SSLContext:
    """Return a context with boto3's certificates: urllib's are not everywhere, and ignore `AWS_CA_BUNDLE`."""
    given = botocore.session.get_session().get_config_variable("ca_bundle")
    path = str(given or get_cert_path(verify=True))
    return ssl.create_default_context(capath=path) if Path(path).is_dir() else ssl.create_default_context(cafile=path)


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30, context=tls_context()) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def _is_healthy(body: str) -> bool:
    return _parsed(body).get("status") == "healthy"


def _parsed(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
