"""`events-api --auth` and `events-api token`."""

import io
import shlex
import stat
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import httpx
import pytest

from handlers.local import main
from tests.apparatus.client import EVENT
from tests.apparatus.issuer import bearer
from tests.apparatus.server import COMMAND, environ, running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> Path:  # noqa: ARG001 - it restores the log
    """Return the folder in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def token(*words: str) -> dict[str, str]:
    """Return the header with a token that the command prints; in this process, as a start takes a second."""
    with redirect_stdout(io.StringIO()) as printed:
        main(["token", *words])
    assert printed.getvalue().count("\n") == 1
    return bearer(printed.getvalue().strip())


def refused(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must fail, and return what it says."""
    with pytest.raises(SystemExit) as end:
        main(words)
    return f"{capsys.readouterr().err}{end.value.code}"


def test_printed_tokens_open_the_service_for_those_whom_they_name(folder: Path) -> None:
    """Before the first start, while it runs, and after another start: the key stays in the data folder."""
    printed = subprocess.run([*COMMAND, "token", "ann"], env=environ(), capture_output=True, text=True, check=True)
    assert printed.stdout.count("\n") == 1
    early = bearer(printed.stdout.strip())
    for _ in range(2):
        with running("--auth", folder=folder) as server:

            def status(method: str, path: str, headers: dict[str, str], body: object = None) -> int:
                url = f"{server.url}{path}"
                return httpx.request(method, url, headers=headers, json=body).status_code

            organizer, admin = token("olga", "--organizer"), token("root", "--admin")
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
            assert status("GET", "/users/ann", token("bob")) == 403
            assert server.stop() == 0
        assert server.rest.startswith("Tokens are required: `events-api token USER` prints one\n")


def test_a_token_of_another_folder_or_an_expired_one_is_refused(folder: Path) -> None:
    other = token("ann", "--data", "other")
    with running("--auth", "--memory", folder=folder) as server:
        answer = httpx.get(f"{server.url}/users/ann", headers=other)
        assert (answer.status_code, answer.json()["detail"]) == (401, "The signature of the token is wrong.")


def test_the_events_of_the_demo_belong_to_the_organizer_whose_token_the_printed_command_prints(folder: Path) -> None:
    with running("--auth", "--demo", "--data", "a folder", folder=folder) as server:
        assert httpx.get(f"{server.url}/health").status_code == 200  # All that it says at its start is printed.
        assert server.stop() == 0
    command = "events-api token olga --organizer --data 'a folder'"
    assert server.rest.splitlines()[1] == f"The events of the demo belong to olga: `{command}`"

    olga, other = (token(*shlex.split(words)[2:]) for words in (command, command.replace("olga", "oscar")))
    with running("--auth", "--demo", "--data", "a folder", folder=folder) as server:
        url = f"{server.url}/events/tech-conf-2024/registrations"
        assert [httpx.get(url, headers=headers).status_code for headers in (olga, other)] == [200, 403]


def test_the_key_is_for_the_eyes_of_its_user_alone(folder: Path) -> None:
    token("ann")

    assert stat.S_IMODE((folder / ".events-api" / "issuer.json").stat().st_mode) == 0o600


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
def test_what_can_not_be_done_is_one_line(
    words: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "issuer.json").write_text("{}")

    assert expected in refused(*words, capsys=capsys)


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
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert refused("--memory", "--port", "0", capsys=capsys).startswith(f"events-api: {expected}")


def test_two_issuers_at_a_time_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JWT_ISSUER", "https://a.example")
    monkeypatch.setenv("JWT_AUDIENCE", "b")

    said = refused("--auth", "--memory", "--port", "0", capsys=capsys)

    assert said == "events-api: --auth has an issuer of its own: leave it out, or unset JWT_ISSUER"
