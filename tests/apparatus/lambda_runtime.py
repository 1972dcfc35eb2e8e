"""AWS's own runtime client for Python (`awslambdaric`) with a package, fed by a small Runtime API.

Lambda starts the client beside the package. The client loads the handler, asks the Runtime API for the next event, and
posts the answer: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

#: Maximum time for a start and for an answer, in seconds.
SECONDS: Final = 60

_ARN: Final = "arn:aws:lambda:eu-west-1:123456789012:function:events-api:live"
_VERSION: Final = "/2018-06-01/runtime"


class Runtime:
    """A started function; call it with an event."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._number = 0
        self.output: Path

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """Return the answer of the handler to an event.

        Raises:
            AssertionError: The handler has raised, or the client has ended.

        """
        self._number += 1
        request_id = f"00000000-0000-0000-0000-{self._number:012}"
        self._events.put((request_id, json.dumps(event).encode()))
        path, answer = self._answers.get(timeout=SECONDS)
        assert path == f"{_VERSION}/invocation/{request_id}/response", answer
        return answer

    def serve(self) -> ThreadingHTTPServer:
        """Return the Runtime API on a loopback port of the system's choice."""
        events, answers = self._events, self._answers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                request_id, event = events.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + SECONDS) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", _ARN)
                self._send(event)

            def do_POST(self) -> None:
                answer = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(202)
                self._send(b"{}")
                answers.put((self.path, answer))

            def _send(self, body: bytes) -> None:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True  # One waits for an event when the client is stopped.
        return server


@contextmanager
def started(package: Path, handler: str, environ: Mapping[str, str], output: Path) -> Iterator[Runtime]:
    """Start the client in the folder of an unpacked package; all that it prints goes to the file `output`."""
    runtime = Runtime()
    runtime.output = output
    server = runtime.serve()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    # Nothing of this process's environment: the package must not find this checkout.
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own |= {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}", "LAMBDA_TASK_ROOT": str(package)}
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=package,
            env={**own, **environ},
            stdout=file,
            stderr=file,
        ) as client,
    ):
        try:
            yield runtime
        finally:
            client.kill()
            client.wait()
            server.shutdown()
            server.server_close()
            thread.join()
