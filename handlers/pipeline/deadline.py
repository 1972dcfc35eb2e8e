"""The deadline of a request, on Lambda and elsewhere."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from storage.dynamodb.deadline import within

#: Deadline of a request outside Lambda, in seconds: the function's default timeout less the margin.
REQUEST_SECONDS: Final = 9.5

#: Seconds before the Lambda timeout at which a request is given up, so that the service answers instead of the gateway.
MARGIN_SECONDS: Final = 0.5


class RequestDeadline:
    """Gives every request one deadline for all its calls to the store."""

    def __init__(self, app: ASGIApp) -> None:
        """Limit the requests of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within the time that its Lambda has left, or within `REQUEST_SECONDS` elsewhere."""
        seconds = REQUEST_SECONDS
        if "aws.context" in scope:
            seconds = scope["aws.context"].get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        with within(seconds):
            await self._app(scope, receive, send)
