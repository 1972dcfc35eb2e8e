"""The entry point on AWS Lambda, behind an HTTP API or a REST API: `handlers.aws_lambda.handler`."""

import os
from typing import Any

from mangum import Mangum

from handlers.app import app_from
from handlers.pipeline import logs
from handlers.settings import Settings

logs.configure()
_mangum = Mangum(
    app_from(os.environ, inline=True),  # A Lambda serves one request at a time: a thread would only cost time.
    lifespan="off",  # It would run in every invocation.
    api_gateway_base_path=Settings.of(os.environ).stage,
    text_mime_types=["text/", "application/json", "application/problem+json", "application/yaml"],
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an event of API Gateway, payload 1.0 or 2.0."""
    return _mangum(_keep_slashes(event), context)


def _keep_slashes(event: dict[str, Any]) -> dict[str, Any]:
    """Leave `%2F` in a path as it is, which mangum would decode, so that an id with a slash is not two segments."""
    http = event.get("requestContext", {}).get("http")
    if not http or "%2f" not in http["path"].lower():
        return event
    kept = http["path"].replace("%2f", "%252F").replace("%2F", "%252F")
    return {**event, "requestContext": {**event["requestContext"], "http": {**http, "path": kept}}}
