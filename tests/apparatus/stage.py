"""Proxies in front of a service: below a stage path, as API Gateway is, and with the responses of a later version."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: The new field in every object of `later_version`, and the type of all its problems.
NEW_FIELD: Final = {"newField": {"of": ["a", "later", "version"]}}
NEW_TYPE: Final = "https://example.com/problems#of-a-later-version"


@contextmanager
def staged(url: str, stage: str) -> Iterator[str]:
    """Serve another URL below a stage path on a free port, and yield the new URL."""
    with _proxy(url, stage, lambda body: body) as base:
        yield f"{base}{stage}"


@contextmanager
def later_version(url: str) -> Iterator[str]:
    """Serve another URL as a later version may: with a new field in every object, and with a new type of problem."""

    def changed(body: bytes) -> bytes:
        return json.dumps(_with_news(json.loads(body))).encode() if body else body

    with _proxy(url, "", changed) as base:
        yield base


def _with_news(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_news(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    new = {name: _with_news(entry) for name, entry in value.items()} | NEW_FIELD
    return {**new, "type": NEW_TYPE} if "type" in new else new


@contextmanager
def _proxy(url: str, stage: str, changed: Callable[[bytes], bytes]) -> Iterator[str]:
    async def forward(request: Request) -> Response:
        path = request.url.path.removeprefix(stage)
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method, f"{url}{path}?{request.url.query}", headers=headers, content=await request.body()
            )
        dropped = {"content-length", "content-encoding", "date"}
        kept = {name: value for name, value in answer.headers.items() if name not in dropped}
        return Response(changed(answer.content), answer.status_code, kept)

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    app = Starlette(routes=[Route(f"{stage or '/'}{{rest:path}}", forward, methods=methods)])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
