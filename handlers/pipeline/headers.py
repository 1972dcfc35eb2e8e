"""Default response headers for browsers and caches; a header that the operation has set is kept."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Answers are data and may be about people: no type sniffing, no rendering as a page, no framing, no caching.
HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)

#: After one visit over HTTPS, browsers use only HTTPS for this host for a year.
HTTPS_HEADERS: Final = (*HEADERS, (b"strict-transport-security", b"max-age=31536000"))


class ResponseHeaders:
    """Adds the default headers and the id of the request to every response, including errors and preflights."""

    def __init__(self, app: ASGIApp) -> None:
        """Add headers to the responses of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; `scheme` is that of the client if a gateway or a trusted proxy forwards it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        defaults = HTTPS_HEADERS if scope["scheme"] == "https" else HEADERS

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _value in message["headers"]}
                more = [header for header in defaults if header[0] not in present]
                more.append((b"x-request-id", scope["request_id"].encode()))
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, add)
