"""A service that a test starts answers any number of requests, though nobody reads its log."""

from pathlib import Path

import httpx

from tests.apparatus.server import running


def test_a_server_is_not_blocked_by_a_log_that_is_longer_than_a_pipe(tmp_path: Path) -> None:
    """A pipe holds 64 KiB; this log has about 100."""
    with (
        running(folder=tmp_path, AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9") as server,
        httpx.Client(base_url=server.url, timeout=10) as client,
    ):
        for _ in range(600):
            assert client.get("/").status_code == 200
        assert server.stop() == 0
