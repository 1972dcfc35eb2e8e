"""A contract that the service can't start with does not get into a package."""

import shutil
from pathlib import Path

import pytest

from cfn.errors import CommandError
from cfn.package import contents
from cfn.package.checkout import ROOT
from cfn.package.platforms import get_platform


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("operationId: get_user\n", "operationId: get_usr\n", "get_usr"),
        ("maximum: 100, default: 50", "maximum: 200, default: 50", "generate it again"),
        ("  version: 0.2.0\n", "", "not valid at info"),
    ],
    ids=["an operation without a function", "models that are not current", "a contract that is not valid"],
)
def test_a_service_that_can_not_start_is_not_packaged(
    old: str, new: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("handlers", "storage"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    text = (ROOT / "openapi.yaml").read_text()
    assert old in text
    (tmp_path / "openapi.yaml").write_text(text.replace(old, new))
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    with pytest.raises(CommandError, match=f"^The service can't start: .*{reason}"):
        contents.collect(tmp_path / "package", get_platform("host"))
    assert not (tmp_path / "package").exists()
