"""Checks the health of the deployed service through its public URL."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import urlsplit

from cfn.errors import CommandError
from cfn.stack.aws import Aws


def reachable_url(aws: Aws, api_url: str) -> str:
    """Return the URL of the API as reachable from this machine: an emulator serves it below its own URL."""
    if aws.emulator_url is None:
        return api_url
    address = urlsplit(api_url)
    api, _, _ = (address.hostname or "").partition(".")
    return f"{aws.emulator_url}/_aws/execute-api/{api}{address.path}"


def check_health(url: str, stack: str, timeout: float = 60) -> None:
    """Wait until `/health` reports healthy; raise `CommandError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
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
    remedy = f"see `python -m cfn logs --stack {stack}`"
    raise CommandError(f"The stack exists, but {url}/health answers {status}: {body[:200].strip()!r}; {remedy}.")


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def _is_healthy(body: str) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "healthy"
