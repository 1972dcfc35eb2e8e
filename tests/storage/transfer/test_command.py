"""The commands `events-api export` and `import`, as people and scripts use them."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from handlers import transfer
from storage.durable.lock import locked_folder
from storage.transfer import command as module
from tests.apparatus.server import COMMAND, environ, running
from tests.apparatus.transfers import confirmed, content, documents, event, file
from tests.transfer.run import Sizes, audited, command, fill, killed, log_size

LINES = file(event(), confirmed("a"), confirmed("b"))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_bytes(content(LINES))
    return path


def test_a_round_trip_through_folders_gives_equal_files_also_after_kills(tmp_path: Path) -> None:
    source, target, torn = (tmp_path / name for name in ("source", "target", "torn"))
    files = [str(tmp_path / f"{number}.jsonl") for number in range(3)]
    fill(source, Sizes(users=150, events=4, registrations=400), Random(1))  # noqa: S311 - reproducible, not secret
    assert command("export", "--data", str(source), files[0]).code == 0
    assert command("import", "--data", str(target), files[0]).code == 0
    assert command("export", "--data", str(target), files[1]).code == 0
    assert audited(target).code == 0
    size = Random().randrange(log_size(target))  # noqa: S311 - as above
    for audit in killed(torn, Path(files[0]), [size]):
        assert audit.code == 0, (size, audit.said)
    assert command("import", "--data", str(torn), files[0]).code == 0
    assert command("export", "--data", str(torn), files[2]).code == 0
    first, second, third = (Path(file).read_bytes() for file in files)
    assert first == second == third
    assert len(documents(first)) > 500


def test_export_and_import_are_pipes_and_work_beside_a_running_service(
    tmp_path: Path, export: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    with running(folder=tmp_path) as server:
        assert command("import", "--store", server.store_url, str(export)).code == 0
        taken = command("export", "--data", str(tmp_path / ".events-api"))
        assert (taken.code, "in use by another events-api: stop that one, or name the URL" in taken.said) == (2, True)
        capfdbinary.readouterr()
        assert command("export", "--store", server.store_url).code == 0
        assert documents(capfdbinary.readouterr().out) == LINES


def test_the_commands_say_what_they_do(tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert transfer.main(["import", *data, str(export)]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"Importing into the folder {tmp_path}/data."
    assert second.startswith("Imported 6 users, 1 events and 2 registrations in ")
    export.write_bytes(content([*LINES[:3], {"type": "user"}, *LINES[4:]]))
    assert transfer.main(["import", *data, str(export)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "line 4: lacks userId, name, createdAt"
    assert "; 5 users, 1 events and 2 registrations were there already; 1 refusals in " in lines[2]
    assert transfer.main(["export", *data, str(tmp_path / "again")]) == 0
    assert (
        capsys.readouterr()
        .err.splitlines()[1]
        .startswith(f"Exported 6 users, 1 events and 2 registrations to {tmp_path}/again in ")
    )
    assert documents((tmp_path / "again").read_bytes()) == LINES
    assert (tmp_path / "again").stat().st_mode & 0o77 == 0


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["export", "--data", "nosuch"], "nosuch has no data of events-api"),
        (["export", "--store", "http://127.0.0.1:9"], "the store does not answer"),
        (["export", "--data", "nosuch", "no/such/file"], "No such file or directory: no/such/file"),
        (["import", "nosuch"], "No such file or directory: nosuch"),
        (["import", "."], "Is a directory"),
        (["import", "--data", "data", "text"], "this is not an export of events-api"),
        (["import", "--data", "text", "export.jsonl"], "can't keep data in"),
        (["import", "--stack", "nosuch", "export.jsonl"], "events-api import: "),
    ],
)
def test_a_command_that_fails_ends_with_2_and_the_reason(  # noqa: PLR0913 - fixtures and parameters
    tmp_path: Path,
    export: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (tmp_path / "text").write_text("text\n")
    before = {export, tmp_path / "text"}
    assert transfer.main(arguments) == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert set(tmp_path.iterdir()) - {tmp_path / "data"} == before


def test_an_export_that_fails_leaves_the_file_before_it_as_it_is(
    tmp_path: Path, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert transfer.main(["import", "--data", str(tmp_path / "data"), str(export)]) == 0
    before = export.read_bytes()

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "export", interrupted)
    assert transfer.main(["export", "--data", str(tmp_path / "data"), str(export)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "events-api export: interrupted. Nothing was written to the file."
    )
    assert export.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "export.jsonl"}


def test_ctrl_c_ends_an_import_with_what_to_do_and_its_store_with_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with subprocess.Popen(
        [*COMMAND, "import", "--data", str(data)], env=environ(), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(content(LINES[:-1]))
        process.stdin.flush()
        assert b"Importing into" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait() == 2
    assert said.splitlines()[-1] == (
        "events-api import: interrupted. What was imported is kept: run the same command again to go on."
    )
    with locked_folder(data):  # Nobody uses it any more.
        pass


def test_an_output_that_is_closed_early_is_no_traceback(tmp_path: Path, export: Path) -> None:
    assert command("import", "--data", str(tmp_path / "data"), str(export)).code == 0
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*COMMAND, "export", "--data", str(tmp_path / "data")], env=environ(), stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert process.wait() == 2
    assert said.splitlines()[-1] == "events-api export: the output was closed before the export was complete"
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["export", "import"])
def test_help_has_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        transfer.main([name, "--help"])
    printed = capsys.readouterr().out
    assert "exit code:\n  0  " in printed
    assert "--stack NAME" in printed


def test_progress_is_a_line_on_a_terminal(tmp_path: Path, export: Path) -> None:
    """The stream of the status is a terminal here, and each line is a time to show it."""
    program = "from storage import status_line as s; s._TERMINAL_SECONDS = 0; from handlers.local import main; main()"
    main, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program, "import", "--data", str(tmp_path / "data"), str(export)],
        env=environ(),
        stderr=terminal,
    ) as process:
        assert process.wait() == 0
    os.close(terminal)
    fcntl.fcntl(main, fcntl.F_SETFL, os.O_NONBLOCK)
    shown = os.read(main, 100_000).decode()
    os.close(main)
    assert "\r\x1b[K100 %, line 10, 6 users, 1 events and 0 registrations imported\r" in shown
