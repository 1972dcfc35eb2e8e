"""Proxy that serves an application below a stage path and removes the path from requests, as API Gateway does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@contextmanager
def staged(url: str, stage: str) -> Iterator[str]:
    """Serve another URL below a stage path on a free port, and yield the new URL."""

    async def forward(request: Request) -> Response:
        path = request.url.path.removeprefix(stage)
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method, f"{url}{path}?{request.url.query}", headers=headers, content=await request.body()
            )
        kept = {name: value for name, value in answer.headers.items() if name not in {"content-length", "date"}}
        return Response(answer.content, answer.status_code, kept)

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    app = Starlette(routes=[Route(f"{stage}{{rest:path}}", forward, methods=methods)])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{stage}"
        finally:
            server.should_exit = True
            thread.join()
