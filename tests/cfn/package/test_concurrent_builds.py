"""Builds in one checkout at the same time do not damage each other's packages."""

import hashlib
import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cfn.package import build
from cfn.package.build import Package, build_package
from cfn.package.platforms import Platform, get_platform


def _collect(folder: Path, _platform: Platform, **_options: bool) -> None:
    for name in ("first.py", "second.py"):
        (folder / name).write_text(f"# {name}\n" * 100)


def _is_whole(content: bytes) -> bool:
    return zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_a_package_is_whole_though_another_build_writes_the_same_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other build begins when the first has written its zip, and stops within its own until the first is done."""
    built: list[Package] = []
    within, finish = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: built.append(build_package(get_platform("host"), tmp_path)))
    write_zip, writestr = build.write_zip, zipfile.ZipFile.writestr

    def start_other_after(folder: Path, path: Path) -> None:
        write_zip(folder, path)
        if threading.current_thread() is not other:
            other.start()
            assert within.wait(30)

    def stop_other_within(archive: zipfile.ZipFile, *arguments: Any, **options: Any) -> None:
        writestr(archive, *arguments, **options)
        if threading.current_thread() is other:
            within.set()
            assert finish.wait(30)

    monkeypatch.setattr(build, "collect", _collect)
    monkeypatch.setattr(build, "write_zip", start_other_after)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", stop_other_within)
    first = build_package(get_platform("host"), tmp_path)
    content = first.path.read_bytes()
    finish.set()
    other.join(30)

    assert _is_whole(content)
    assert hashlib.sha256(content).hexdigest() == first.sha256 == built[0].sha256
    assert first.path.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["events-api-host.zip"]
