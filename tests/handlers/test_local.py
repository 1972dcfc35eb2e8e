"""The command `events-api`: its output, its errors, and that it loses no data and leaves nothing running."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from handlers.local import listening, main
from tests.apparatus.client import EVENT
from tests.apparatus.server import COMMAND, environ, running


def refused(*arguments: str, folder: Path, **more: str) -> str:
    """Run the command, which must fail, and return its error output."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environ(**more), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_prints_its_urls_keeps_the_data_and_leaves_nothing_running(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        expected = rf"Events API at {server.url} - docs at {server.url}/docs - data in {tmp_path}/\.events-api\n"
        assert re.fullmatch(expected, server.first)
        assert re.fullmatch(r"Started a store of its own \(ministack\) at http://127\.0\.0\.1:\d+\n", server.second)
        assert httpx.post(f"{server.url}/events", json=EVENT).status_code == 201
        assert server.stop(signal.SIGINT) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.store_url)
    with running(folder=tmp_path) as again:
        assert httpx.get(f"{again.url}/events/conf").json()["title"] == EVENT["title"]
        assert again.stop(signal.SIGTERM) == 0


def test_a_second_start_on_the_same_data_is_refused_and_the_first_keeps_serving(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        assert "in use by another events-api" in refused("--port", "0", folder=tmp_path)
        assert httpx.get(f"{server.url}/health").status_code == 200


def test_the_store_saves_and_stops_even_if_the_service_is_killed(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        httpx.post(f"{server.url}/events", json=EVENT)
        server.stop(signal.SIGKILL)
    started = None
    while started is None:
        # The old store holds the lock until it has saved.
        with running(folder=tmp_path) as again:
            if again.process.poll() is None:
                started = httpx.get(f"{again.url}/events/conf")
    assert started.status_code == 200


def test_a_port_in_use_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = refused("--memory", "--port", str(taken.getsockname()[1]), folder=tmp_path)
    assert "Address already in use. Choose another port: --port" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "eighty"], "'eighty' is not a valid port"),
        (["--port", "70000"], "'70000' is not a valid port"),
        (["--memory", "--data", "x"], "not allowed with argument"),
        (["--colour"], "unrecognized arguments"),
        (["--data", "/dev/null/x"], "can't keep data in /dev/null/x"),
        (["--host", "no.such.host.invalid"], "can't listen on no.such.host.invalid:0"),
    ],
)
def test_bad_options_get_a_clear_error(tmp_path: Path, arguments: list[str], expected: str) -> None:
    assert expected in refused("--port", "0", *arguments, folder=tmp_path)


def test_the_demo_has_a_full_event_and_the_ids_of_the_contract_and_can_be_repeated(
    tmp_path: Path, store_url: str
) -> None:
    store: dict[str, Any] = {
        "AWS_ENDPOINT_URL_DYNAMODB": store_url,
        **{f"{table}_TABLE": f"Demo{table.title()}" for table in ("EVENTS", "USERS", "REGISTRATIONS")},
    }
    for _ in range(2):
        with running("--demo", folder=tmp_path, **store) as server:
            assert server.first.endswith(f"data in the store at {store_url}\n")
            events = httpx.get(f"{server.url}/events").json()["events"]
            assert len(events) == 4
            full = next(event for event in events if event["waitlistCount"])
            assert (full["availableSeats"], full["waitlistCount"]) == (0, 2)
            example = httpx.get(f"{server.url}/events/tech-conf-2024/registrations/user-123")
            assert example.json()["status"] == "confirmed"
            assert server.stop() == 0
    assert not (tmp_path / ".events-api").exists()


def test_a_configuration_without_usable_credentials_is_reported(tmp_path: Path) -> None:
    somewhere = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9", "AWS_PROFILE": "nobody"}
    error = refused("--port", "0", folder=tmp_path, **somewhere)
    assert "events-api: no call to the store: ProfileNotFound: boto3 finds no credentials" in error


def test_without_the_extra_local_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SystemExit, match="uvicorn is not installed; install this package with its extra `local`"):
        main(["--memory", "--port", "0"])


def test_answers_are_not_delayed_by_nagle_s_algorithm() -> None:
    """An answer is sent in two parts; with Nagle's algorithm the second waits 40 ms for an acknowledgement."""

    async def connect(listener: socket.socket) -> int:
        delays: asyncio.Queue[int] = asyncio.Queue()

        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            delays.put_nowait(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(answer, sock=listener):
            _reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await delays.get()

    with listening("127.0.0.1", 0) as listener:
        assert asyncio.run(connect(listener)) == 1
