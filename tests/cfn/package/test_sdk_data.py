"""The SDK works with the reduced data as it does with its own."""

import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.loaders import Loader
from botocore.model import ServiceModel

from cfn.package.sdk_data import SERVICES, trim_sdk_data

DATA = Path(botocore.__file__).parent / "data"
CALLS = {
    "dynamodb": {"batch_get_item", "get_item", "query", "transact_write_items"},
    "events": {"put_events"},
    "lambda": {"invoke"},
    "sqs": {"change_message_visibility", "send_message"},
    "ssm": {"get_parameter"},
}


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("sdk") / "data"
    for service in SERVICES:
        shutil.copytree(DATA / service, data / service)
    for path in DATA.glob("*.json"):
        shutil.copy(path, data)
    trim_sdk_data(data)
    return data


def connect(data: Path, service: str, region: str) -> BaseClient:
    session = botocore.session.Session()
    session.register_component("data_loader", Loader([str(data)], include_default_search_paths=False))
    client: BaseClient = session.create_client(service, region_name=region)
    return client


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1"])
def test_a_client_has_the_same_endpoint_in_every_partition(reduced: Path, service: str, region: str) -> None:
    assert connect(reduced, service, region).meta.endpoint_url == connect(DATA, service, region).meta.endpoint_url


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_has_the_same_operations_parameters_and_errors(reduced: Path, service: str) -> None:
    ours, theirs = (connect(data, service, "eu-central-1").meta for data in (reduced, DATA))
    kept = CALLS[service] if SERVICES[service] else theirs.method_to_api_mapping.keys()
    assert ours.method_to_api_mapping.keys() == kept >= CALLS[service]
    for name in ours.service_model.shape_names:
        mine, other = ours.service_model.shape_for(name), theirs.service_model.shape_for(name)
        assert (mine.type_name, mine.metadata) == (other.type_name, other.metadata)
        assert list(getattr(mine, "members", ())) == list(getattr(other, "members", ()))
    assert set(ours.service_model.shape_names) == _reachable(theirs.service_model, kept)


def _reachable(model: ServiceModel, methods: AbstractSet[str]) -> set[str]:
    """Return the shapes of a service that its operations, given by their methods, take, answer or raise."""
    operations = [model.operation_model(name) for name in model.operation_names if xform_name(name) in methods]
    found: set[str] = set()
    left = [
        shape
        for operation in operations
        for shape in (operation.input_shape, operation.output_shape, *operation.error_shapes)
        if shape is not None
    ]
    while left:
        shape = left.pop()
        if shape.name in found:
            continue
        found.add(shape.name)
        members = getattr(shape, "members", {}).values()
        left += [*members, *(getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part))]
    return found


def test_the_reduced_data_is_small_and_has_no_documentation(reduced: Path) -> None:
    assert (reduced / "endpoints.json").stat().st_size < (DATA / "endpoints.json").stat().st_size / 10
    models = [path.read_bytes() for path in reduced.glob("*/*/service-2.json")]
    assert len(models) == sum(1 for service in SERVICES for _path in (DATA / service).glob("*/service-2.json.gz"))
    assert not any(b'"documentation": "' in model for model in models)
