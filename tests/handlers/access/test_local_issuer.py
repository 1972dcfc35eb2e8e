"""`events-api --auth` and `events-api token`."""

import shlex
import stat
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.apparatus.client import EVENT
from tests.apparatus.issuer import bearer
from tests.apparatus.server import COMMAND, environ, running


def run(*words: str, folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environ(**more), capture_output=True, text=True, timeout=60, check=False
    )


def token(*words: str, folder: Path) -> dict[str, str]:
    """Return the header with a token that the command prints."""
    done = run("token", *words, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return bearer(done.stdout.strip())


def test_printed_tokens_open_the_service_for_those_whom_they_name(tmp_path: Path) -> None:
    """Before the first start, while it runs, and after another start: the key stays in the data folder."""
    early = token("ann", folder=tmp_path)
    for _ in range(2):
        with running("--auth", folder=tmp_path) as server:

            def status(method: str, path: str, headers: dict[str, str], body: object = None) -> int:
                url = f"{server.url}{path}"
                return httpx.request(method, url, headers=headers, json=body).status_code

            organizer, admin = token("olga", "--organizer", folder=tmp_path), token("root", "--admin", folder=tmp_path)
            assert status("GET", "/events", {}) == 200
            refused = httpx.get(f"{server.url}/users/ann")
            assert refused.status_code == 401
            assert refused.json()["detail"].startswith("This needs a token that `events-api token USER` prints: send")
            assert status("POST", "/events", early, EVENT) == 403
            assert status("POST", "/events", organizer, EVENT) in {201, 409}
            assert status("POST", "/users", early, {"name": "Ann"}) in {201, 409}
            assert status("POST", "/events/conf/registrations", early, {}) in {201, 409}
            assert status("GET", "/events/conf/registrations/ann", early) == 200
            assert status("GET", "/events/conf/registrations", early) == 403
            assert status("GET", "/events/conf/registrations", organizer) == 200
            assert status("GET", "/events/conf/registrations", admin) == 200
            assert status("GET", "/users/ann", token("bob", folder=tmp_path)) == 403
            assert server.stop() == 0
        assert server.rest.startswith("Tokens are required: `events-api token USER` prints one\n")


def test_a_token_of_another_folder_or_an_expired_one_is_refused(tmp_path: Path) -> None:
    other = token("ann", "--data", "other", folder=tmp_path)
    with running("--auth", "--memory", folder=tmp_path) as server:
        answer = httpx.get(f"{server.url}/users/ann", headers=other)
        assert (answer.status_code, answer.json()["detail"]) == (401, "The signature of the token is wrong.")


def test_the_events_of_the_demo_belong_to_the_organizer_whose_token_the_printed_command_prints(tmp_path: Path) -> None:
    with running("--auth", "--demo", "--data", "a folder", folder=tmp_path) as server:
        assert httpx.get(f"{server.url}/health").status_code == 200  # All that it says at its start is printed.
        assert server.stop() == 0
    command = "events-api token olga --organizer --data 'a folder'"
    assert server.rest.splitlines()[1] == f"The events of the demo belong to olga: `{command}`"

    olga, other = (
        token(*shlex.split(words)[2:], folder=tmp_path) for words in (command, command.replace("olga", "oscar"))
    )
    with running("--auth", "--demo", "--data", "a folder", folder=tmp_path) as server:
        url = f"{server.url}/events/tech-conf-2024/registrations"
        assert [httpx.get(url, headers=headers).status_code for headers in (olga, other)] == [200, 403]


def test_the_key_is_for_the_eyes_of_its_user_alone(tmp_path: Path) -> None:
    token("ann", folder=tmp_path)

    assert stat.S_IMODE((tmp_path / ".events-api" / "issuer.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["token"], "the following arguments are required: USER"),
        (["token", "a/b"], "'a/b' is not a userId: use letters, digits and . _ ~ @ : + -"),
        (["token", "ann", "--days", "soon"], "'soon' is not a number of days up to 3650"),
        (["token", "ann", "--days", "0"], "'0' is not a number of days up to 3650"),
        (["token", "ann", "--data", "file"], "the key of the issuer can't be kept in file/issuer.json: "),
        (["token", "ann", "--data", "damaged"], "damaged/issuer.json is not the key of an issuer: delete it"),
        (["--auth", "--data", "damaged", "--port", "0"], "damaged/issuer.json is not the key of an issuer: delete it"),
    ],
)
def test_what_can_not_be_done_is_one_line(words: list[str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "issuer.json").write_text("{}")

    done = run(*words, folder=tmp_path)

    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"JWT_ISSUER": "https://login.example.com/"}, "JWT_AUDIENCE is missing"),
        ({"JWT_AUDIENCE": "events"}, "JWT_AUDIENCE or JWT_JWKS_URI is set without JWT_ISSUER"),
        ({"JWT_ISSUER": "http://login.example.com/", "JWT_AUDIENCE": "events"}, "JWT_ISSUER must be an https URL"),
        (
            {"JWT_ISSUER": "any", "JWT_AUDIENCE": "events", "JWT_JWKS_URI": "http://login.example.com/keys"},
            "JWT_JWKS_URI must be an https URL",
        ),
    ],
)
def test_settings_that_would_not_protect_stop_the_start(
    variables: dict[str, str], expected: str, tmp_path: Path
) -> None:
    done = run("--memory", "--port", "0", folder=tmp_path, **variables)

    assert done.returncode == 1
    assert done.stderr.startswith(f"events-api: {expected}")


def test_two_issuers_at_a_time_are_refused(tmp_path: Path) -> None:
    done = run("--auth", "--memory", "--port", "0", folder=tmp_path, JWT_ISSUER="https://a.example", JWT_AUDIENCE="b")

    assert done.stderr == "events-api: --auth has an issuer of its own: leave it out, or unset JWT_ISSUER\n"
