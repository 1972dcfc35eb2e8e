"""Asks the deployed service, through its public address, whether it works."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import urlsplit

from cfn.errors import CommandError
from cfn.stack.aws import Aws


def reachable_url(aws: Aws, api_url: str) -> str:
    """Return the address under which the API answers from here; an emulator serves it below its own."""
    if aws.emulator is None:
        return api_url
    address = urlsplit(api_url)
    api, _, _ = (address.hostname or "").partition(".")
    return f"{aws.emulator}/_aws/execute-api/{api}{address.path}"


def check_health(url: str, stack: str, patience: float = 60) -> None:
    """Wait until `/health` says healthy; raise `CommandError` if it has not after that many seconds."""
    deadline = time.monotonic() + patience
    while True:
        status, body = _ask(f"{url}/health")
        if "Mock response" in body:
            raise CommandError(f"{url}/health is answered by the emulator instead of the service: {body.strip()}")
        if status == HTTPStatus.OK and _says_healthy(body):
            return
        if time.monotonic() >= deadline:
            break
        # A new address takes some seconds until every front end of the gateway knows it.
        time.sleep(1)
    look = f"see `python -m cfn logs --stack {stack}`"
    raise CommandError(f"The stack is there, but {url}/health answers {status}: {body[:200].strip()!r}; {look}.")


def _ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def _says_healthy(body: str) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "healthy"
