"""The command `events-api`: its output, its errors, and that it loses no data and leaves nothing running."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from handlers.contract import Contract
from handlers.local import listening, main
from tests.apparatus.client import EVENT
from tests.apparatus.patience import until
from tests.apparatus.server import COMMAND, ROOT, STOP_SECONDS, environ, process_on, running


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


def restarted(folder: Path) -> httpx.Response:
    """Start again as soon as the store of a killed service has let go of the data, and return the event."""
    while True:
        with running(folder=folder) as server:
            if server.process.poll() is None:
                return httpx.get(f"{server.url}/events/conf")


def test_what_was_answered_is_there_after_the_service_is_killed(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        httpx.post(f"{server.url}/events", json=EVENT)
        server.stop(signal.SIGKILL)
    assert restarted(tmp_path).status_code == 200


def test_a_store_that_is_killed_takes_the_service_down_with_a_clear_line_and_loses_nothing(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        httpx.post(f"{server.url}/events", json=EVENT)
        os.kill(process_on(server.store_url), signal.SIGKILL)
        assert server.process.wait(STOP_SECONDS) == 1
    assert (tmp_path / "errors").read_text() == (
        "events-api: the store has ended by itself, killed by SIGKILL."
        f" All that was answered before is in {tmp_path}/.events-api\n"
    )
    assert restarted(tmp_path).status_code == 200


def test_damaged_data_stops_the_start_and_is_not_overwritten(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        httpx.post(f"{server.url}/events", json=EVENT)
    log = tmp_path / ".events-api" / "items-000001.log"
    damaged = log.read_bytes().replace(b"Events", b"events", 1)
    log.write_bytes(damaged)
    assert f"events-api: {log} is damaged: line 2" in refused("--port", "0", folder=tmp_path)
    assert log.read_bytes() == damaged


def test_data_of_a_version_before_the_log_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / ".events-api" / "state").mkdir(parents=True)
    assert "state was written by a version before the first release" in refused("--port", "0", folder=tmp_path)


def test_at_the_end_the_service_says_where_the_data_is(tmp_path: Path) -> None:
    with running(folder=tmp_path) as server:
        assert server.stop(signal.SIGINT) == 0
    assert server.rest.splitlines()[-1] == f"Stopped: data in {tmp_path}/.events-api"


def test_a_port_in_use_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = refused("--memory", "--port", str(taken.getsockname()[1]), folder=tmp_path)
    assert "Address already in use. Choose another port: --port" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "eighty"], "'eighty' is not a valid port"),
        (["--port", "70000"], "'70000' is not a valid port"),
        (["--host", ""], "an empty host: name an address of this machine, or leave out --host"),
        (["--host", " "], "an empty host: name an address of this machine, or leave out --host"),
        (["--memory", "--data", "x"], "not allowed with argument"),
        (["--colour"], "unrecognized arguments"),
        (["--data", "/dev/null/x"], "can't keep data in /dev/null/x"),
        (["--host", "no.such.host.invalid"], "No address is known for no.such.host.invalid: leave out --host"),
        (["--host", "192.0.2.1"], "192.0.2.1 is not an address of this machine: leave out --host"),
    ],
)
@pytest.mark.usefixtures("log")
def test_bad_options_get_a_clear_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["--port", "0", *arguments])
    assert expected in f"{capsys.readouterr().err}{end.value.code}"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("exprot", "there is no command 'exprot': did you mean export?"),
        ("Import", "there is no command 'Import': did you mean import?"),
        ("tokens", "there is no command 'tokens': did you mean token?"),
        ("serve", "there is no command 'serve'; there are export, import, token, and without one it serves"),
    ],
)
def test_a_misspelt_command_gets_a_hint(capsys: pytest.CaptureFixture[str], word: str, expected: str) -> None:
    with pytest.raises(SystemExit) as end:
        main([word, "--data", "copy"])
    assert end.value.code == 2
    assert expected in capsys.readouterr().err


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


@pytest.mark.parametrize("option", ["--memory", "--data"])
def test_an_option_wins_over_an_endpoint_and_a_profile_in_the_environment_and_says_so(
    tmp_path: Path, option: str
) -> None:
    leftover = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_PROFILE": "nobody", "USERS_TABLE": "other"}
    arguments = [option] if option == "--memory" else [option, "folder"]
    with running(*arguments, folder=tmp_path, **leftover) as server:
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert server.stop() == 0
    assert (tmp_path / "errors").read_text().splitlines() == [
        f"{name} is set and not used: the service has a store of its own"
        for name in ("AWS_ENDPOINT_URL", "USERS_TABLE", "AWS_PROFILE")
    ]


@pytest.mark.parametrize(
    ("arguments", "warnings"),
    [(["--host", "0.0.0.0"], 1), (["--host", "0.0.0.0", "--auth"], 0), ([], 0)],  # noqa: S104 - that is the point
)
def test_an_open_service_that_others_can_reach_says_so(arguments: list[str], warnings: int, tmp_path: Path) -> None:
    with running("--memory", *arguments, folder=tmp_path):
        pass
    assert (tmp_path / "errors").read_text().count("WARNING: anyone who reaches http://0.0.0.0:") == warnings


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert re.fullmatch(r"events-api \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_with_reload_a_change_of_the_code_is_served_and_the_data_stays(tmp_path: Path) -> None:
    """The service runs from a copy, whose contract gets another title."""
    copy = tmp_path / "copy"
    for package in ("handlers", "storage"):
        shutil.copytree(ROOT / package, copy / package, symlinks=False, ignore=shutil.ignore_patterns("__pycache__"))
    with running("--memory", "--reload", folder=tmp_path, PYTHONPATH=str(copy)) as server:
        until(lambda: answers(server.url))
        assert httpx.post(f"{server.url}/events", json=EVENT).status_code == 201
        system = copy / "handlers" / "system.py"
        system.write_text(system.read_text().replace('"name": info["title"]', '"name": "Changed"'))
        until(lambda: answers(server.url) and httpx.get(server.url).json()["name"] == "Changed")
        assert httpx.get(f"{server.url}/events/conf").status_code == 200
        assert server.stop(signal.SIGINT) == 0
    assert not answers(server.url)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_a_configuration_without_usable_credentials_is_reported(tmp_path: Path) -> None:
    somewhere = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9", "AWS_PROFILE": "nobody"}
    error = refused("--port", "0", folder=tmp_path, **somewhere)
    assert "events-api: no call to the store: ProfileNotFound: boto3 finds no credentials" in error


def test_a_contract_that_is_wrong_stops_the_start_before_it_has_an_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("handlers.app.Contract", lambda: Contract(Path("nothing.yaml")))
    with pytest.raises(SystemExit, match=r"events-api: nothing\.yaml can't be read"):
        main(["--memory", "--port", "0"])
    assert "Events API" not in capsys.readouterr().out


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
