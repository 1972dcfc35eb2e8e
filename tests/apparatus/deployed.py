"""A client of a deployed service."""

import json
import urllib.error
import urllib.request
from typing import Any


class Client:
    """A JSON client of one URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any, Any]:
        """Return the status, the decoded body (None if empty) and the headers of the response."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if data else {}
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - the emulator's
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                return answer.status, _decoded(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read()), error.headers

    def content_type(self, path: str) -> str:
        """Return the content type of a document."""
        with urllib.request.urlopen(self._url + path, timeout=30) as answer:  # noqa: S310 - as above
            return str(answer.headers["content-type"])


def _decoded(content: bytes) -> Any:
    return json.loads(content) if content else None
