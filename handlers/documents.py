"""The documents beside the operations, for browsers and tools: Swagger UI, its files, and the contract as a file.

They are not in the contract, as a client that is generated from it has no use for them.
"""

import gzip
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.contract import Contract
from storage.errors import VersionMismatch

#: The files of Swagger UI that the page loads.
ASSETS: Final = {
    "favicon-32x32.png": "image/png",
    "index.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}

_METHODS: Final = ("GET", "HEAD")

_SCRIPT: Final = """
    SwaggerUIBundle({
      url: "openapi.json",
      dom_id: "#swagger-ui",
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
    });
  """

#: On a narrow screen, long paths break, and a wide table scrolls in its place; the page itself never scrolls sideways.
_STYLE: Final = """
    .swagger-ui code { overflow-wrap: anywhere; }
    .swagger-ui .responses-inner, .swagger-ui .table-container { overflow-x: auto; }
  """

# All URLs are relative: the page works below any stage path.
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Events API</title>
  <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <link rel="stylesheet" href="docs/index.css">
  <style>{_STYLE}</style>
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script>{_SCRIPT}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    """Return the source expression of an inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


#: The page loads files and calls the API of this server only, and has only its own inline script and style.
_PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' {_hash(_SCRIPT)}",
        f"style-src 'self' {_hash(_STYLE)}",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class Document:
    """A response that is the same until the next deployment: revalidated by its ETag, and compressed on request."""

    def __init__(self, read: Callable[[], bytes], media_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Serve what `read` returns; it is called once, at the first request."""
        self._read = read
        self._media_type = media_type
        # Cacheable, but must be revalidated: the next deployment may change it.
        self._headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding", **(headers or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the document, or 304 if the client has it."""
        request = Headers(scope=scope)
        headers = {**self._headers, "ETag": self._etag}
        content, status = self._content, 200
        if not self._matches(request.get("if-match", "*")):
            raise VersionMismatch
        if self._matches(request.get("if-none-match", "")):
            content, status = b"", 304
        elif not self._media_type.startswith("image/") and _accepts_gzip(request.get("accept-encoding", "")):
            content = self._compressed
            headers["Content-Encoding"] = "gzip"
        await Response(content, status, headers, self._media_type if content else None)(scope, receive, send)

    def _matches(self, tags: str) -> bool:
        """Return whether ETags in a precondition are those of the document, by the weak comparison (RFC 9110, 8.8.3.2).

        If-Match would demand the strong one; but nothing is changed here, and no representation is combined.
        """
        return tags.strip() == "*" or self._etag.removeprefix("W/") in re.findall('"[^"]*"', tags)

    @cached_property
    def _content(self) -> bytes:
        return self._read()

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self._content, mtime=0)

    @cached_property
    def _etag(self) -> str:
        """A weak ETag, as the compressed document has the same."""
        return f'W/"{sha256(self._content).hexdigest()[:16]}"'


class Documents:
    """Serves the documents, and leaves all other requests to the application."""

    def __init__(self, app: ASGIApp, contract: Contract) -> None:
        """Serve documents beside `app`."""
        self._app = app
        self._documents = {
            "/docs": Document(_PAGE.encode, "text/html", {"Content-Security-Policy": _PAGE_POLICY}),
            **{f"/docs/{name}": Document(partial(_asset, name), kind) for name, kind in ASSETS.items()},
            "/openapi.yaml": Document(lambda: contract.yaml, "application/yaml"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; `scope["extensions"]["document"]` is the path of the document, if it is one.

        The place where the service is mounted, without a slash at its end, is redirected to the one with it.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        base = scope.get("root_path", "")
        path = scope["path"].removeprefix(base)
        if not path:
            # All links are relative, and would lead beside the place where the service is mounted.
            await Response(status_code=307, headers={"Location": f"{base.rpartition('/')[2]}/"})(scope, receive, send)
            return
        document = self._documents.get(path)
        if document is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _METHODS:
            raise HTTPException(405, headers={"Allow": ", ".join(_METHODS)})
        scope["extensions"]["document"] = path
        await document(scope, receive, send)


def _accepts_gzip(accept_encoding: str) -> bool:
    for choice in accept_encoding.split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip().lower() == "gzip":
            return not re.fullmatch(r"q=0(\.0*)?", weight.strip())
    return False


def _asset(name: str) -> bytes:
    """Return a file of Swagger UI from the package `flask_swagger_ui`, without importing it."""
    package = find_spec("flask_swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("flask_swagger_ui")
    return (Path(package.submodule_search_locations[0]) / "dist" / name).read_bytes()
