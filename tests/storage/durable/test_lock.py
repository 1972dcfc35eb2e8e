"""A data folder has people's data: only its owner may read a new one."""

from pathlib import Path

import pytest

from storage.durable.lock import locked_folder
from storage.durable.process import served_folder


def test_a_new_folder_is_the_owner_s_alone(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "new") as (folder, _lock):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o750])
def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    """Its owner may want a group to read it."""
    tmp_path.chmod(mode)
    with locked_folder(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == mode


def test_what_a_store_keeps_and_prints_is_its_owner_s_alone_in_any_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with served_folder(tmp_path):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.log")}
    assert modes == {"items-000001.log": 0o600, "store.log": 0o600}
