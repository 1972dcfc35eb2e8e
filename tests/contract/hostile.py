"""Requests that no fuzzer and no honest client sends, with their expected answers."""

import gzip
from typing import Final, NamedTuple

USER: Final = b'{"userId":"eve","name":"Eve"}'

#: Marks an answer of the HTTP server itself, in plain text: the request is not valid HTTP.
SERVER: Final = "the server"


class Row(NamedTuple):
    """A request with its status and problem type; None stands for no body, `SERVER` for the server's own text."""

    name: str
    request: bytes
    status: int
    problem: str | None = None


def line(method: str, target: bytes | str, *headers: str) -> bytes:
    """Return a request without a body."""
    target = target if isinstance(target, bytes) else target.encode()
    more = "".join(f"{header}\r\n" for header in headers).encode("latin-1")
    return method.encode() + b" " + target + b" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + more + b"\r\n"


def post(body: bytes, *headers: str, target: str = "/users") -> bytes:
    """Return a request that would create a user if its body and headers were right."""
    own = f"Content-Length: {len(body)}"
    return line("POST", target, "Content-Type: application/json", *(headers or (own,))) + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks) + end


JSON_TYPE: Final = "Content-Type: application/json"

LENGTHS: Final = [
    Row("a length that is not a number", post(USER, "Content-Length: many"), 400, SERVER),
    Row("a negative length", post(USER, "Content-Length: -1"), 400, SERVER),
    Row("a length with a sign", post(USER, "Content-Length: +29"), 400, SERVER),
    Row("two lengths that differ", post(USER, "Content-Length: 29", "Content-Length: 3"), 400, SERVER),
    Row("a length shorter than the body", post(USER, "Content-Length: 28"), 400, "about:blank"),
    Row("a length of 10 GB", post(b"", "Content-Length: 10000000000"), 413, "about:blank"),
    Row("a length of 64 KiB and one byte", post(USER, "Content-Length: 65537"), 413, "about:blank"),
    Row(
        "chunks of 64 KiB and one byte",
        post(chunked(b" " * 65536, b"1"), "Transfer-Encoding: chunked"),
        413,
        "about:blank",
    ),
    Row(
        "a chunk whose size is not a number", post(b"xyz\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400, SERVER
    ),
    Row("an unknown transfer encoding", post(USER, "Transfer-Encoding: gzip, chunked"), 400, SERVER),
    Row("no body at all", line("POST", "/users", JSON_TYPE), 400, "about:blank"),
]

BODIES: Final = [
    Row("a name twice", post(b'{"userId":"eve","name":"Eve","name":"Adam"}'), 400, "about:blank"),
    Row("a name twice, once escaped", post(b'{"name":"Eve","n\\u0061me":"Adam"}'), 400, "about:blank"),
    Row("a NUL in a text", post(b'{"userId":"eve","name":"E\\u0000ve"}'), 422, "invalid-request"),
    Row("a raw NUL in a text", post(b'{"userId":"eve","name":"E\x00ve"}'), 400, "about:blank"),
    Row("overlong UTF-8", post(b'{"userId":"eve","name":"\xc0\xafEve"}'), 400, "about:blank"),
    Row("half a surrogate pair in UTF-8", post(b'{"userId":"eve","name":"\xed\xa0\x80"}'), 400, "about:blank"),
    Row("half a surrogate pair, escaped", post(b'{"userId":"eve","name":"\\ud800"}'), 422, "invalid-request"),
    Row("UTF-16", post('{"userId":"eve","name":"Eve"}'.encode("utf-16")), 400, "about:blank"),
    Row("a byte order mark", post(b"\xef\xbb\xbf" + USER), 400, "about:blank"),
    Row("nested 30,000 deep", post(b"[" * 30000), 400, "about:blank"),
    Row("nested 30,000 deep, and closed", post(b'{"name":' + b"[" * 30000 + b"]" * 30000 + b"}"), 400, "about:blank"),
    Row("a number of 50,000 digits", post(b'{"userId":"eve","name":' + b"9" * 50000 + b"}"), 422, "invalid-request"),
    Row("NaN", post(b'{"userId":"eve","name":NaN}'), 400, "about:blank"),
    Row("an infinite number", post(b'{"userId":"eve","name":1e999}'), 422, "invalid-request"),
    Row("two JSON values", post(USER + USER), 400, "about:blank"),
    Row("an array", post(b"[" + USER + b"]"), 422, "invalid-request"),
    Row("null", post(b"null"), 422, "invalid-request"),
    Row("a __proto__ property", post(b'{"userId":"eve","name":"Eve","__proto__":{}}'), 422, "invalid-request"),
    Row("a header in an id", post(b'{"userId":"eve\\r\\nSet-Cookie: a=b","name":"Eve"}'), 422, "invalid-request"),
    Row("a path in an id", post(b'{"userId":"../eve","name":"Eve"}'), 422, "invalid-request"),
    Row("a compressed body", post(gzip.compress(USER)), 400, "about:blank"),
    Row(
        "a body declared as compressed",
        post(USER, f"Content-Length: {len(USER)}", "Content-Encoding: gzip"),
        415,
        "about:blank",
    ),
    Row("two media types", post(USER, f"Content-Length: {len(USER)}", "Content-Type: text/html"), 415, "about:blank"),
    Row(
        "a form",
        line("POST", "/users", "Content-Type: multipart/form-data", "Content-Length: 2") + b"{}",
        415,
        "about:blank",
    ),
]

PATHS: Final = [
    Row("%2F in an id", line("GET", "/users/a%2Fb"), 422, "invalid-request"),
    Row("%2f%2e%2e in an id", line("GET", "/users/a%2f%2e%2e"), 422, "invalid-request"),
    Row("%00 in an id", line("GET", "/users/a%00b"), 422, "invalid-request"),
    Row("a header in an id of a path", line("GET", "/users/a%0d%0aSet-Cookie:%20a=b"), 404, "about:blank"),
    Row("..", line("GET", "/users/.."), 422, "invalid-request"),
    Row("%2e%2e", line("GET", "/users/%2e%2e"), 422, "invalid-request"),
    Row("a path traversal", line("GET", "/docs/..%2f..%2fopenapi.yaml"), 404, "about:blank"),
    Row("a path traversal, unescaped", line("GET", "/docs/../openapi.yaml"), 404, "about:blank"),
    Row("%ZZ", line("GET", "/users/%ZZ"), 422, "invalid-request"),
    Row("overlong UTF-8 in a path", line("GET", "/users/%c0%af"), 422, "invalid-request"),
    Row("raw bytes in a path", line("GET", b"/users/\xff\xfe"), 400, SERVER),
    Row("an empty id", line("GET", "/users/"), 404, "about:blank"),
    Row("a double slash", line("GET", "//events"), 404, "about:blank"),
    Row("a slash at the end", line("GET", "/events/"), 404, "about:blank"),
    Row("a path of 60,000 characters", line("GET", "/users/" + "a" * 60000), 422, "invalid-request"),
    Row("another host's URL", line("GET", "http://other/nothing"), 404, "about:blank"),
]

QUERIES: Final = [
    Row("a parameter twice", line("GET", "/events?limit=1&limit=2"), 422, "invalid-request"),
    Row("a parameter twice, once escaped", line("GET", "/events?limit=1&%6cimit=2"), 422, "invalid-request"),
    Row("an unknown parameter", line("GET", "/events?admin=1"), 422, "invalid-request"),
    Row("a signed number", line("GET", "/events?limit=+5"), 422, "invalid-request"),
    Row("a number in Arabic digits", line("GET", "/events?limit=%D9%A5"), 422, "invalid-request"),
    Row("a number of 20,000 digits", line("GET", "/events?limit=" + "9" * 20000), 422, "invalid-request"),
    Row("a NUL in a query", line("GET", "/events?from=%00"), 422, "invalid-request"),
    Row("invalid UTF-8 in a query", line("GET", "/events?cursor=%ff"), 422, "invalid-request"),
    Row("10,000 parameters", line("GET", "/events?" + "&".join(f"a{n}" for n in range(10000))), 422, "invalid-request"),
]

METHODS: Final = [
    Row("an unknown method", line("BREW", "/events"), 405, "about:blank"),
    Row("TRACE", line("TRACE", "/events"), 405, "about:blank"),
    Row("PATCH", line("PATCH", "/events/conf", JSON_TYPE, "Content-Length: 2") + b"{}", 405, "about:blank"),
    Row("CONNECT", line("CONNECT", "/events"), 405, "about:blank"),
    Row("a method in small letters", line("get", "/events"), 405, "about:blank"),
    Row("a method in a header", line("POST", "/events", "X-HTTP-Method-Override: GET"), 400, "about:blank"),
    Row("an unknown method on a path that is not there", line("BREW", "/nothing"), 404, "about:blank"),
    Row("HEAD where there is no GET", line("HEAD", "/registrations"), 405),
    Row("OPTIONS without an origin", line("OPTIONS", "/events"), 405, "about:blank"),
]

HEADERS: Final = [
    Row("a head of more than 64 KiB", line("GET", "/events", "X-Big: ").strip().ljust(65537, b"a"), 400, SERVER),
    Row("a header with a line break", line("GET", "/events", "X-Break: a\nb"), 400, SERVER),
    Row("a header without a name", line("GET", "/events", ": nothing"), 400, SERVER),
    Row("a NUL in a header", line("GET", "/events", "X-Nul: a\x00b"), 400, SERVER),
    Row("no host", b"GET /events HTTP/1.1\r\nConnection: close\r\n\r\n", 400, SERVER),
    Row("two hosts", line("GET", "/events", "Host: other"), 400, SERVER),
    Row("an invalid HTTP version", b"GET /events HTTP/one\r\n\r\n", 400, SERVER),
    Row("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, SERVER),
    Row("If-Match without quotes", line("DELETE", "/events/conf", "If-Match: abc"), 422, "invalid-request"),
    Row(
        "If-Match of 10,000 versions",
        line("DELETE", "/events/conf", "If-Match: " + '"a", ' * 10000 + '"b"'),
        422,
        "invalid-request",
    ),
]

TABLE: Final = [*LENGTHS, *BODIES, *PATHS, *QUERIES, *METHODS, *HEADERS]
