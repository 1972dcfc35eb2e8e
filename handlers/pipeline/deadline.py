"""How long a request may take, on Lambda and elsewhere."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from storage.dynamodb.deadline import within

#: A request is answered within so many seconds: the time that a Lambda has by default, less the margin.
REQUEST_SECONDS: Final = 9.5

#: So many seconds before its Lambda ends a request gives up, to say so itself instead of being cut.
MARGIN_SECONDS: Final = 0.5


class RequestDeadline:
    """Gives every request one deadline, to which all its calls to the store are held."""

    def __init__(self, app: ASGIApp) -> None:
        """Hold the requests of an app to their deadlines."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within what its Lambda has left, or within the same time where there is none."""
        seconds = REQUEST_SECONDS
        if "aws.context" in scope:
            seconds = scope["aws.context"].get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        with within(seconds):
            await self._app(scope, receive, send)
