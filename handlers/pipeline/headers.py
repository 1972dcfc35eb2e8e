"""What every response says to browsers and caches, unless the operation has said it itself."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Answers are data, and may be about people: nobody guesses their type, shows them as a page, frames or keeps them.
HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

#: A host that was reached over HTTPS once is reached over nothing else for a year.
HTTPS_HEADERS: Final = (*HEADERS, (b"strict-transport-security", b"max-age=31536000"))


class ResponseHeaders:
    """Adds them to every response, errors and preflights too."""

    def __init__(self, app: ASGIApp) -> None:
        """Add them to the responses of an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; its scheme is the client's own where a gateway or a proxy that is trusted passes it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = HTTPS_HEADERS if scope["scheme"] == "https" else HEADERS

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _value in message["headers"]}
                more = [header for header in wanted if header[0] not in said]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, add)
