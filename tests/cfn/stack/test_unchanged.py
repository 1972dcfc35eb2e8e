"""What can be known without a build is known without one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.package import sources
from cfn.package.build import Package
from cfn.package.checkout import ROOT
from cfn.package.platforms import LAMBDA, get_platform
from cfn.package.sources import sources_id
from cfn.stack import lookup
from cfn.stack.aws import Aws
from cfn.stack.default_bucket import REPLACED
from cfn.stack.deploy import deploy
from cfn.stack.settings import StackSettings

Make = Callable[..., Package]
Printed = Callable[[], str]


class Counted:
    """Code that counts its builds, whose result is given."""

    def __init__(self, package: Package) -> None:
        self.platform, self.sources = package.platform, package.sources
        self.builds = 0
        self._package = package

    def build(self) -> Package:
        self.builds += 1
        return self._package

    def for_tokens(self, *, needed: bool) -> "Counted":
        assert not needed
        return self


def test_code_that_the_stack_has_is_not_built_again(
    aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
) -> None:
    code = Counted(service())
    deploy(aws, stack, code, console)
    deploy(aws, stack, code, console)
    assert "No changes" in printed()
    deploy(aws, replace(stack, parameters={"MemorySize": "1024"}), code, console)
    assert code.builds == 1


def test_code_whose_package_has_left_the_bucket_is_built_again(
    aws: Aws, stack: StackSettings, service: Make, console: Console
) -> None:
    code = Counted(service())
    deploy(aws, stack, code, console)
    values = lookup.deployed_parameters(lookup.get_stack(aws, stack.name))
    aws.client("s3").delete_object(Bucket=values["CodeBucket"], Key=values["CodeKey"])
    deploy(aws, stack, code, console)
    assert code.builds == 2


def test_only_the_package_that_was_replaced_expires(
    aws: Aws, stack: StackSettings, service: Make, console: Console
) -> None:
    keys = []
    for word in ("one", "two"):
        deploy(aws, stack, service(word), console)
        values = lookup.deployed_parameters(lookup.get_stack(aws, stack.name))
        keys.append({"Bucket": values["CodeBucket"], "Key": values["CodeKey"]})
    tags = [aws.client("s3").get_object_tagging(**key)["TagSet"] for key in keys]
    assert tags == [[REPLACED], []]


def test_another_build_of_the_same_sources_changes_nothing(
    aws: Aws, stack: StackSettings, service: Make, console: Console, printed: Printed
) -> None:
    deploy(aws, stack, service("one"), console)
    deploy(aws, stack, replace(service("two"), sources=service("one").sources), console)
    assert "No changes" in printed()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (StackSettings("under_score"), "is not a valid stack name"),
        (StackSettings("demo", bucket="no-such-bucket"), "There is no bucket 'no-such-bucket'"),
    ],
    ids=["name", "bucket"],
)
def test_what_is_wrong_is_refused_before_a_build(
    aws: Aws, service: Make, console: Console, settings: StackSettings, message: str
) -> None:
    code = Counted(service())
    with pytest.raises(CommandError, match=message):
        deploy(aws, settings, code, console)
    assert code.builds == 0


class TestSources:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a checkout with one file of the service and the lock."""
        for name in ("handlers/app.py", "handlers/local.py", "storage/users.py", "cfn/package/runtime.lock"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        monkeypatch.setattr(sources, "ROOT", tmp_path)
        return tmp_path

    @pytest.mark.parametrize("name", ["handlers/app.py", "storage/users.py", "cfn/package/runtime.lock"])
    def test_a_change_of_what_is_packaged_or_locked_changes_the_id(self, root: Path, name: str) -> None:
        before = sources_id(LAMBDA)
        (root / name).write_text("changed")
        assert sources_id(LAMBDA) != before

    def test_a_change_of_what_only_runs_here_does_not(self, root: Path) -> None:
        before = sources_id(LAMBDA)
        (root / "handlers" / "local.py").write_text("changed")
        (root / "handlers" / "__pycache__").mkdir()
        (root / "handlers" / "__pycache__" / "app.cpython-313.pyc").write_text("compiled")
        assert sources_id(LAMBDA) == before

    def test_the_platform_and_the_bytecode_are_part_of_the_id(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert root.exists()
        ids = set()
        for compiled in (True, False):
            monkeypatch.setattr(sources, "can_compile", lambda _python, compiled=compiled: compiled)
            ids |= {sources_id(LAMBDA), sources_id(get_platform("host"))}
        assert len(ids) == 4

    def test_the_contract_is_part_of_the_id(self) -> None:
        found: list[Any] = [path.as_posix() for path in sources._files()]  # noqa: SLF001 - the list is the claim
        assert {"handlers/openapi.yaml", "handlers/app.py", "cfn/package/runtime.lock"} <= set(found)
        assert (ROOT / "handlers" / "openapi.yaml").read_bytes() == (ROOT / "openapi.yaml").read_bytes()
