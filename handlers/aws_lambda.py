"""The entry point on AWS Lambda, behind an HTTP API or a REST API: `handlers.aws_lambda.handler`.

Importing this module does nothing. The runtime of Lambda reads `handler` while it initialises, so the application is
built in that phase and is part of a SnapStart snapshot.
"""

import gc
import os
from collections.abc import Callable
from typing import Any

from handlers.lazy import lazy_attribute

Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any] | None]

handler: Handler
"""Answers an event of API Gateway, payload format 1.0 or 2.0, or continues a promotion."""


def _build() -> Handler:
    # What is loaded stays: the garbage collector would search it for nothing now, and again in every full collection.
    gc.disable()
    try:
        return _load()
    finally:
        gc.freeze()
        gc.enable()


def _load() -> Handler:
    from mangum import Mangum

    from handlers.app import app_from
    from handlers.continuation import Continuation
    from handlers.gateway import handlers_below
    from handlers.pipeline import logs
    from handlers.settings import Settings
    from storage.dynamodb.tables import Tables

    logs.configure()
    logs.silence_libraries()
    logs.spare_records()
    tables = Tables.connect(os.environ)
    continuation = Continuation(tables)
    mangum = Mangum(
        # A Lambda serves one request at a time: a thread would only cost time.
        app_from(os.environ, tables=tables, inline=True),
        lifespan="off",  # It would run in every invocation.
        custom_handlers=handlers_below(Settings.of(os.environ).stage),
        text_mime_types=["text/", "application/json", "application/problem+json", "application/yaml"],
    )

    def handle(event: Event, context: Any) -> dict[str, Any] | None:
        answer = None
        with logs.Invocation(context.aws_request_id, context.function_version):
            if "promote" in event:  # An event of API Gateway has no such field.
                continuation.promote(event, context)
            else:
                answer = mangum(_keep_slashes(event), context)
            continuation.hand_over(context)
        return answer

    return handle


__getattr__ = lazy_attribute(globals(), "handler", _build)


def _keep_slashes(event: Event) -> Event:
    """Keep `%2F` in a path, which mangum would decode, so that an id with a slash does not become two segments."""
    http = event.get("requestContext", {}).get("http")
    if not http or "%2f" not in http["path"].lower():
        return event
    kept = http["path"].replace("%2f", "%252F").replace("%2F", "%252F")
    return {**event, "requestContext": {**event["requestContext"], "http": {**http, "path": kept}}}
