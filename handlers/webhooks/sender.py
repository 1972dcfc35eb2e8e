"""The function of the queue of webhooks on AWS Lambda: it sends what the bus was told to the URL of the stack."""

import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from handlers.webhooks.delivery import Verdict, deliver, wait_seconds
from handlers.webhooks.endpoint import Endpoint
from storage.dynamodb.message_queue import postpone, send
from storage.dynamodb.secret import read_secret

logger = logging.getLogger(__name__)

#: The wait before the second attempt, in seconds, which doubles with every further one, up to the longest.
FIRST_SECONDS: Final = 5
LONGEST_SECONDS: Final = 3600

#: How long a secret that was read is used, in seconds.
SECRET_SECONDS: Final = 300


class _Known(NamedTuple):
    endpoint: Endpoint
    until: float


_known: _Known | None = None


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """Send each message once; those that are to be sent again appear again later, and are answered as failed."""
    failed = [record["messageId"] for record in event["Records"] if not _is_done_with(record)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _is_done_with(record: Mapping[str, Any]) -> bool:
    notification = json.loads(record["body"])["detail"]
    outcome = deliver(_endpoint(), notification)
    if outcome.verdict is Verdict.DELIVERED:
        return True
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    logger.warning("webhook %s, attempt %s: %s", notification["id"], attempt, outcome.reason)
    if outcome.verdict is Verdict.LATER:
        wait = wait_seconds(attempt, outcome, FIRST_SECONDS, LONGEST_SECONDS)
        postpone(os.environ["WEBHOOK_QUEUE"], record["receiptHandle"], round(wait))
        return False
    # No further attempt would end in another way.
    send(os.environ["WEBHOOK_DEAD_LETTERS"], record["body"])
    return True


def is_emulated(environ: Mapping[str, str]) -> bool:
    """Return whether AWS itself is on this machine, and so is the receiver of a test: nowhere else is that allowed.

    A function on AWS whose AWS is at a loopback address reaches neither its queue nor its secret.
    """
    return urlsplit(environ.get("AWS_ENDPOINT_URL", "")).hostname in {"localhost", "127.0.0.1", "::1"}


def _endpoint() -> Endpoint:
    """Return the URL with its secrets: after they were changed, with the new ones a few minutes later."""
    global _known  # noqa: PLW0603 - kept between invocations
    if _known is None or _known.until < time.monotonic():
        secret = read_secret(os.environ["WEBHOOK_SECRET"])
        endpoint = Endpoint.of(os.environ["WEBHOOK_URL"], secret, inside=is_emulated(os.environ))
        _known = _Known(endpoint, time.monotonic() + SECRET_SECONDS)
    return _known.endpoint
