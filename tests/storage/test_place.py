"""Where a tool finds the tables: one option for each place, and a folder only if nobody else uses it."""

import argparse
import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cfn.template.tables import LOGICAL_IDS
from storage import place, users
from storage.__main__ import main
from storage.durable.lock import FolderError, FolderInUseError, locked_folder
from storage.dynamodb.tables import Tables
from storage.schema import TABLES
from tests.apparatus.corruptions import CORRUPTIONS, fill


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    place.add_options(parser)
    return parser.parse_args(arguments)


def test_a_folder_is_opened_with_its_tables_and_keeps_what_a_tool_writes(tmp_path: Path) -> None:
    here = options("--data", str(tmp_path / "data"))
    with place.opened(here, create=True) as (tables, where, _alone):
        users.create(tables, "ada", "Ada")
        assert where == f"the folder {tmp_path}/data"
    with place.opened(here) as (tables, *_):
        assert users.get(tables, "ada").name == "Ada"


def test_a_folder_without_data_is_refused_and_left_alone(tmp_path: Path) -> None:
    with (
        pytest.raises(FolderError, match="data has no data of events-api"),
        place.opened(options("--data", str(tmp_path / "data"))),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_somebody_uses_is_refused(tmp_path: Path) -> None:
    here = options("--data", str(tmp_path))
    with (
        locked_folder(tmp_path),
        pytest.raises(FolderInUseError, match="in use by another events-api: stop that one, or name the URL"),
        place.opened(here, create=True),
    ):
        pass


def test_the_default_folder_gives_way_to_the_endpoint_of_the_environment(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", store_url)
    with place.opened(options(), folder=tmp_path / "data", create=True) as (tables, where, _alone):
        assert (tables.client.meta.endpoint_url, where) == (store_url, f"the store at {store_url}")
    assert not (tmp_path / "data").exists()
    with place.opened(options("--data", str(tmp_path / "data")), create=True) as (tables, *_):
        assert tables.client.meta.endpoint_url != store_url


def test_a_store_is_found_at_its_url(store_url: str, ministack_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    users.create(ministack_tables, "ada", "Ada")
    monkeypatch.setenv("USERS_TABLE", ministack_tables.names["Users"])
    with place.opened(options("--store", store_url)) as (tables, *_):
        assert users.get(tables, "ada").name == "Ada"


def test_the_tables_of_a_stack_are_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TRANSPORT", "urllib3")  # moto answers where the service's own transport would send.
    resources = {
        logical_id: {"Type": "AWS::DynamoDB::Table", "Properties": TABLES[table]}
        for table, logical_id in LOGICAL_IDS.items()
    }
    outputs = {logical_id: {"Value": {"Ref": logical_id}} for logical_id in resources}
    template = json.dumps({"Resources": resources, "Outputs": outputs})
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name="us-east-1")
        cloudformation.create_stack(StackName="events-api", TemplateBody=template)
        with place.opened(options("--stack", "events-api")) as (tables, where, alone):
            users.create(tables, "ada", "Ada")
            assert users.get(tables, "ada").name == "Ada"
            assert (where, alone) == ("the tables of the stack events-api", False)
        cloudformation.delete_stack(StackName="events-api")
        with pytest.raises(LookupError, match="nosuch"), place.opened(options("--stack", "nosuch")):
            pass


def test_an_audit_of_a_folder_finds_and_repairs_what_is_wrong_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with place.opened(options("--data", str(tmp_path)), create=True) as (tables, *_):
        fill(tables)
    assert main(["audit", "--data", str(tmp_path)]) == 0
    with place.opened(options("--data", str(tmp_path))) as (tables, *_):
        CORRUPTIONS["the head of the queue is gone"].act(tables)
    assert main(["audit", "--data", str(tmp_path)]) == 1
    assert "waiting-without-place" in capsys.readouterr().out
    assert main(["audit", "--repair", "--data", str(tmp_path)]) == 0
    assert main(["audit", "--data", str(tmp_path)]) == 0


@pytest.mark.parametrize("content", ["none", "locked", "damaged"])
def test_an_audit_of_a_folder_that_can_not_be_read_ends_with_2_and_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    expected = {
        "none": "has no data",
        "locked": "in use by another events-api",
        "damaged": "is not a log of this service",
    }
    if content != "none":
        (tmp_path / "items-000001.log").write_text("nonsense\n")
    if content == "locked":
        with locked_folder(tmp_path):
            assert main(["audit", "--data", str(tmp_path)]) == 2
    else:
        assert main(["audit", "--data", str(tmp_path)]) == 2
    assert expected[content] in capsys.readouterr().err
