"""The package contains exactly what the service needs, and the same files give the same bytes."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cfn.package import contents
from cfn.package.build import Package, build_package, write_zip
from cfn.package.bytecode import compile_all
from cfn.package.lock import LOCK, runtime_requirements
from cfn.package.platforms import LAMBDA, get_platform
from cfn.package.sizes import import_seconds

_LIMIT = 10_000_000
_HERE = sys.version_info[:2]


def _pinned() -> dict[str, str]:
    lines = [line.rstrip(" \\") for line in LOCK.read_text().splitlines() if "==" in line]
    return dict(line.split("==") for line in lines)


class TestLock:
    def test_the_lock_satisfies_every_runtime_requirement_of_the_project(self) -> None:
        pinned = _pinned()
        for requirement in map(Requirement, runtime_requirements()):
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement

    def test_the_lock_has_hashes_and_no_index_url(self) -> None:
        assert "://" not in LOCK.read_text()
        assert LOCK.read_text().count("--hash=sha256:") >= len(_pinned())

    def test_the_local_server_and_flask_are_not_in_the_lock(self) -> None:
        assert not {"a2wsgi", "flask", "uvicorn", "ministack"} & _pinned().keys()


class TestZip:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "one"
        (folder / "pkg").mkdir(parents=True)
        (folder / "pkg" / "__init__.py").write_text(
            "WORDS = {'b', 'a', 'c'}\ndef word():\n    return 'a' in {'x', 'y'}\n"
        )
        (folder / "openapi.yaml").write_text("openapi: 3.0.3\n")
        return folder

    def test_folder_date_and_mode_do_not_change_the_bytes(self, folder: Path, tmp_path: Path) -> None:
        other = shutil.copytree(folder, tmp_path / "elsewhere" / "two")
        os.utime(other / "openapi.yaml", (0, 0))
        (other / "openapi.yaml").chmod(0o600)
        for built in (folder, other):
            assert compile_all(built, _HERE)
        write_zip(folder, tmp_path / "one.zip")
        write_zip(other, tmp_path / "two.zip")
        assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()

    def test_entries_are_sorted_and_world_readable(self, folder: Path, tmp_path: Path) -> None:
        write_zip(folder, tmp_path / "one.zip")
        entries = zipfile.ZipFile(tmp_path / "one.zip").infolist()
        assert [entry.filename for entry in entries] == ["openapi.yaml", "pkg/__init__.py"]
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}

    def test_bytecode_is_not_compared_with_its_source_and_has_lambdas_paths(self, folder: Path) -> None:
        assert compile_all(folder, _HERE)
        (compiled,) = (folder / "pkg" / "__pycache__").iterdir()
        # PEP 552: the second word of the header is 1 for bytecode with an unchecked hash.
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"
        assert b"/var/task/pkg/__init__.py" in compiled.read_bytes()
        assert str(folder).encode() not in compiled.read_bytes()

    def test_no_bytecode_is_written_without_the_right_python(self, folder: Path) -> None:
        assert not compile_all(folder, (3, 99))
        assert not list(folder.rglob("*.pyc"))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("handlers/events.py", True),
        ("handlers/local.py", False),
        ("storage/embedded.py", False),
        ("storage/durable/log.py", False),
        ("storage/transfer/load.py", False),
        ("handlers/transfer.py", False),
        ("storage/place.py", False),
        ("openapi.yaml", True),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/lambda/2014-11-11/service-2.json", False),
        ("botocore/data/lambda/2015-03-31/service-2.json", True),
        ("botocore/data/lambda/2015-03-31/waiters-2.json", False),
        ("botocore/data/events/2015-10-07/service-2.json", True),
        ("botocore/data/events/2014-02-03/service-2.json", False),
        ("botocore/data/partitions.json", True),
        ("boto3/data/s3/2006-03-01/resources-1.json", False),
        ("flask_swagger_ui/dist/swagger-ui-bundle.js", True),
        ("flask_swagger_ui/dist/swagger-ui-bundle.js.map", False),
        ("connexion-3.3.0.dist-info/METADATA", True),
        ("connexion-3.3.0.dist-info/RECORD", False),
        ("yaml/_yaml.cpython-313-aarch64-linux-gnu.so", False),
        ("rpds/rpds.cpython-313-aarch64-linux-gnu.so", True),
        ("certifi/cacert.pem", True),
        ("httpx/_client.py", False),
        ("requests/sessions.py", False),
        ("pydantic/v1/main.py", False),
        ("pydantic/main.py", True),
        ("botocore/cacert.pem", False),
        ("rpds/__init__.pyi", False),
        ("bin/jp.py", False),
    ],
)
def test_only_used_files_stay_in_the_package(name: str, kept: bool) -> None:  # noqa: FBT001
    assert contents.is_used(name) is kept


_SERVICE_MODULES = """
import sys
sys.path.insert(0, sys.argv[1])
from handlers.aws_lambda import handler
from handlers.webhooks import publisher, sender
print(*(name for name in sys.modules if name.split(".")[0] in ("handlers", "storage")))
"""
_ONE_REQUEST = """
import json, sys
sys.path.insert(0, sys.argv[1])
from handlers.aws_lambda import handler
class Context:
    aws_request_id, function_version = "id", "1"
    def get_remaining_time_in_millis(self): return 10_000
print(handler(json.loads(sys.argv[2]), Context())["statusCode"])
"""


def _event(path: str) -> dict[str, Any]:
    """Return the event of a GET as an HTTP API sends it, payload 2.0, with the stage in the path."""
    http = {
        "method": "GET",
        "path": f"/prod{path}",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.1",
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/prod{path}",
        "rawQueryString": "",
        "headers": {"host": "api.example"},
        "requestContext": {"http": http, "stage": "prod", "requestId": "one", "routeKey": "$default"},
        "isBase64Encoded": False,
    }


def _run_isolated(folder: Path, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run code in an interpreter that sees the unpacked package and no installed packages."""
    environ = {"AWS_DEFAULT_REGION": "us-east-1", "STAGE": "prod", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", "-S", "-c", code, str(folder), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build_package(LAMBDA, tmp_path_factory.mktemp("lambda"))


@pytest.mark.deployed
class TestBuild:
    def test_two_builds_in_different_folders_have_the_same_hash(self, package: Package, tmp_path: Path) -> None:
        assert build_package(LAMBDA, tmp_path / "else" / "where").sha256 == package.sha256

    def test_two_builds_for_this_machine_have_the_same_hash(self, host_package: Package, tmp_path: Path) -> None:
        assert build_package(get_platform("host"), tmp_path / "else" / "where").sha256 == host_package.sha256

    def test_the_package_is_no_larger_than_ten_megabytes(self, package: Package) -> None:
        assert package.size == package.path.stat().st_size <= _LIMIT

    def test_every_binary_is_for_lambda(self, package: Package) -> None:
        with zipfile.ZipFile(package.path) as archive:
            binaries = [name for name in archive.namelist() if name.endswith(".so")]
            assert binaries
            for name in binaries:
                # The ELF header: 64 bits, little endian, machine AArch64.
                header = archive.read(name)[:20]
                assert (header[:6], header[18:20]) == (b"\x7fELF\x02\x01", b"\xb7\x00"), name

    def test_the_package_alone_is_enough_to_import_the_entry_point(self, host_package: Package) -> None:
        assert import_seconds(host_package) < 10

    @pytest.mark.parametrize("path", ["/", "/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"])
    def test_the_package_alone_is_enough_to_serve_pages_and_files(
        self, host_package: Package, tmp_path: Path, path: str
    ) -> None:
        zipfile.ZipFile(host_package.path).extractall(tmp_path)
        done = _run_isolated(tmp_path, _ONE_REQUEST, json.dumps(_event(path)))
        assert done.stdout.split()[-1] == "200", done.stdout

    def test_the_entry_points_import_every_module_of_the_service_in_the_package(
        self, host_package: Package, tmp_path: Path
    ) -> None:
        zipfile.ZipFile(host_package.path).extractall(tmp_path)
        done = _run_isolated(tmp_path, _SERVICE_MODULES)
        shipped = {
            ".".join(path.relative_to(tmp_path).with_suffix("").parts).removesuffix(".__init__")
            for part in ("handlers", "storage")
            for path in (tmp_path / part).rglob("*.py")
        }
        # Importing the first entry point creates the application, which imports the operations.
        assert set(done.stdout.split()) == shipped
