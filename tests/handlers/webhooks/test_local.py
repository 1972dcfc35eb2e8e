"""`events-api --webhook URL`: what happens to registrations is told in order and signed, also after a kill."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from handlers.local import main
from storage.durable.lock import FolderInUseError, locked_folder
from storage.durable.position import FOLDER
from tests.apparatus.client import EVENT
from tests.apparatus.patience import until
from tests.apparatus.receiver import Receiver, distinct, kind_of, receiving, registrations
from tests.apparatus.server import Server, running

WEBHOOK = Path(".events-api") / FOLDER


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """Run a receiver, whose secret is in the data folder."""
    with receiving() as found:
        (tmp_path / WEBHOOK).mkdir(parents=True)
        (tmp_path / WEBHOOK / "secret").write_text(found.secret)
        yield found


@pytest.fixture
def start(tmp_path: Path, receiver: Receiver) -> Callable[..., Any]:
    """Return a context manager that runs the service with the receiver, as soon as a killed one is gone."""

    @contextmanager
    def start(*arguments: str, webhook: bool = True) -> Iterator[Server]:
        until(lambda: not (tmp_path / "errors").exists() or not in_use(tmp_path))
        options = ["--webhook", receiver.url] if webhook else []
        with running(*options, *arguments, folder=tmp_path) as server:
            yield server

    return start


def in_use(folder: Path) -> bool:
    try:
        with locked_folder(folder / ".events-api"):
            return False
    except FolderInUseError:
        return True


def create(server: Server, *users: str) -> None:
    assert httpx.post(f"{server.url}/events", json=EVENT).status_code == 201
    for user in users:
        assert httpx.post(f"{server.url}/users", json={"userId": user, "name": user}).status_code == 201


def register(server: Server, user: str) -> None:
    assert httpx.post(f"{server.url}/events/conf/registrations", json={"userId": user}).status_code == 201


def unregister(server: Server, user: str) -> None:
    assert httpx.delete(f"{server.url}/events/conf/registrations/{user}").status_code == 204


def test_each_change_is_told_in_order_and_signed_with_the_secret_that_the_start_names(tmp_path: Path) -> None:
    with receiving() as receiver, running("--webhook", receiver.url, folder=tmp_path) as server:
        secret = tmp_path / WEBHOOK / "secret"
        receiver.secret = secret.read_text().strip()
        assert secret.stat().st_mode & 0o777 == 0o600
        create(server, "ann", "ben", "cem")
        for user in ("ann", "ben", "cem"):
            register(server, user)
        unregister(server, "ann")
        told = receiver.wait_until_taken(5)
        assert receiver.told() == [
            ("confirmed", "ann"),
            ("confirmed", "ben"),
            ("waitlisted", "cem"),
            ("cancelled", "ann"),
            ("promoted", "cem"),
        ]
        promoted = httpx.get(f"{server.url}/events/conf/registrations/cem").json()
        assert told[-1]["data"] == promoted
        assert server.stop() == 0
    assert f"Webhooks are signed with the secret in {secret}\n" in server.rest


def test_history_is_not_told_the_demo_is_and_so_is_what_changes_while_nobody_tells(
    start: Callable[..., Any], receiver: Receiver
) -> None:
    with start(webhook=False) as server:
        create(server, "ann", "ben")
        register(server, "ann")
    with start("--demo"):
        receiver.wait_until_taken(8)
        assert ("waitlisted", "barbara@example.com") in receiver.told()
    with start(webhook=False) as server:
        register(server, "ben")
    with start() as server:
        receiver.wait_until_taken(9)
        unregister(server, "ann")
        receiver.wait_until_taken(10)
    assert receiver.told()[8:] == [("confirmed", "ben"), ("cancelled", "ann")]
    assert len({it["id"] for it in receiver.taken}) == 10


def test_a_receiver_that_is_down_is_told_all_of_it_later_and_answers_do_not_wait_for_it(
    start: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answer = lambda _notification: (503, {})
    with start() as server:
        create(server, "ann", "ben")
        register(server, "ann")
        until(lambda: len(receiver.asked) >= 2)
        register(server, "ben")
        receiver.answer = lambda _notification: (204, {})
        receiver.wait_until_taken(2)
    assert receiver.told() == [("confirmed", "ann"), ("confirmed", "ben")]
    assert len({it["id"] for it in receiver.asked}) == 2


def test_a_service_that_is_killed_tells_each_change_and_none_that_did_not_happen(
    start: Callable[..., Any], receiver: Receiver
) -> None:
    """It is killed at once after a change, twice; the fold of what was told is the list of registrations."""
    users = [f"user{number}" for number in range(4)]
    with start() as server:
        create(server, *users)
    for first, second in zip(users[::2], users[1::2], strict=True):
        with start() as server:
            register(server, first)
            register(server, second)
            unregister(server, first)
            server.stop(signal.SIGKILL)
    with start() as server:
        register(server, users[0])
        until(lambda: receiver.told()[-1:] == [("waitlisted", users[0])])
        listed = httpx.get(f"{server.url}/events/conf/registrations").json()["registrations"]
    told = distinct(receiver.asked)
    assert {user: found["status"] for user, found in registrations(told).items()} == {
        it["userId"]: it["status"] for it in listed
    }
    # Two kills: two registrations and one that is taken back for each, and the promotions that those made.
    kinds = [kind_of(it) for it in told]
    assert kinds.count("cancelled") == 2
    assert kinds.count("confirmed") + kinds.count("waitlisted") == 5


def test_a_sender_that_is_killed_starts_again_and_tells_the_rest(
    start: Callable[..., Any], receiver: Receiver, tmp_path: Path
) -> None:
    with start() as server:
        create(server, "ann", "ben")
        register(server, "ann")
        receiver.wait_until_taken(1)
        os.kill(int((tmp_path / WEBHOOK / "lock").read_text()), signal.SIGKILL)
        register(server, "ben")
        until(lambda: ("confirmed", "ben") in receiver.told())
        assert server.stop() == 0
    assert "the sender has ended with exit code -9; it starts again" in server.rest


def test_what_is_refused_is_kept_named_and_sent_again_at_the_next_start(
    tmp_path: Path, start: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answer = lambda it: (400 if it["subject"] == "ann" else 204, {})
    letters = tmp_path / WEBHOOK / "dead-letters.jsonl"
    with start() as server:
        create(server, "ann", "ben")
        register(server, "ann")
        register(server, "ben")
        receiver.wait_until_taken(1)
        assert receiver.told() == [("confirmed", "ben")]
    (letter,) = map(json.loads, letters.read_text().splitlines())
    assert letter == {"reason": "answered 400", "notification": receiver.asked[0]}
    assert letters.stat().st_mode & 0o777 == 0o600
    assert f"webhook {letter['notification']['id']} is given up, and kept in {letters}" in server.rest
    assert "ann" not in server.rest
    receiver.answer = lambda _notification: (204, {})
    with start():
        assert receiver.wait_until_taken(2)[1] == letter["notification"]
        until(lambda: letters.read_bytes() == b"")


def test_gone_stops_the_sending_and_the_next_start_goes_on_with_the_same(
    tmp_path: Path, start: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answer = lambda _notification: (410, {})
    with start() as server:
        create(server, "ann", "ben")
        register(server, "ann")
        until(lambda: bool(receiver.asked))
        with (tmp_path / WEBHOOK / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Waits for the end of the sender.
        register(server, "ben")
        assert server.stop() == 0
    assert "webhook: the receiver wants nothing more; the next start goes on with the same" in server.rest
    assert len(receiver.asked) == 1
    receiver.answer = lambda _notification: (204, {})
    with start():
        receiver.wait_until_taken(2)
    assert receiver.told() == [("confirmed", "ann"), ("confirmed", "ben")]


def test_a_receiver_that_hangs_does_not_keep_the_service_from_stopping(
    start: Callable[..., Any], receiver: Receiver
) -> None:
    def hang(_notification: dict[str, Any]) -> tuple[int, Mapping[str, str]]:
        time.sleep(10)
        return 204, {}

    receiver.answer = hang
    with start() as server:
        create(server, "ann")
        register(server, "ann")
        until(lambda: bool(receiver.asked))
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 9


@pytest.mark.parametrize("option", ["--memory", "--reload", "--auth"])
def test_it_goes_with_other_options(option: str, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with (
        receiving() as receiver,
        running("--demo", "--webhook", receiver.url, option, folder=tmp_path, TMPDIR=str(temporary)) as server,
    ):
        (secret,) = tmp_path.rglob(f"{FOLDER}/secret")
        # Until then it verifies nothing, and what it was sent is sent again.
        receiver.secret = secret.read_text().strip()
        receiver.wait_until_taken(8)
        assert server.stop() == 0
    assert secret.exists() == (option != "--memory")


def test_a_store_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    with pytest.raises(
        SystemExit, match="--webhook needs a store of the service's own: unset AWS_ENDPOINT_URL_DYNAMODB"
    ):
        main(["--port", "0", "--webhook", "http://127.0.0.1:9"])


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "https://user:word@example.com"])
def test_a_url_that_can_not_be_used_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--webhook", url])
    assert "argument --webhook: the" in capsys.readouterr().err


def test_a_place_or_a_secret_that_can_not_be_used_is_refused(tmp_path: Path) -> None:
    def refusal() -> str:
        with pytest.raises(SystemExit) as end:
            main(["--port", "0", "--data", str(tmp_path), "--webhook", "http://127.0.0.1:9"])
        return str(end.value.code)

    secret = tmp_path / FOLDER / "secret"
    secret.mkdir(parents=True)
    assert f"--webhook can't use {secret.parent}: Is a directory" in refusal()
    secret.rmdir()
    secret.write_text("guessed")
    assert "the secret of the webhook must be whsec_" in refusal()
