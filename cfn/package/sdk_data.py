"""Reduces the data that the SDK reads at every start to the used parts, which makes a cold start 10 % shorter."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

#: The services that the SDK calls, and the operations of those whose models are large; none stands for all.
SERVICES: Final[dict[str, tuple[str, ...]]] = {
    "dynamodb": (),
    "events": ("PutEvents",),
    "lambda": (),
    "sqs": ("ChangeMessageVisibility", "SendMessage"),
    "ssm": ("GetParameter",),
}


def trim_sdk_data(data: Path) -> None:
    """Reduce botocore's folder `data` to the used services: their endpoints, and their models without documentation."""
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: found for name, found in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    for path in sorted(data.glob("*/*/service-2.json.gz")):
        model = json.loads(gzip.decompress(path.read_bytes()), object_hook=_without_documentation)
        path.unlink()
        path.with_suffix("").write_text(json.dumps(_only(model, SERVICES[path.parts[-3]])))


def _only(model: dict[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """Return the model with these operations, and the shapes that they use; without any, as it is."""
    if not operations:
        return model
    kept = {name: model["operations"][name] for name in operations}
    shapes, left = dict[str, Any](), list(_named(kept))
    while left:
        if (name := left.pop()) not in shapes:
            shapes[name] = model["shapes"][name]
            left.extend(_named(shapes[name]))
    return {**model, "operations": kept, "shapes": shapes}


def _named(node: Any) -> Iterator[str]:
    """Yield the names of the shapes that a part of a model refers to."""
    if isinstance(node, dict):
        if isinstance(shape := node.get("shape"), str):
            yield shape
        yield from (name for part in node.values() for name in _named(part))
    elif isinstance(node, list):
        yield from (name for part in node for name in _named(part))


def _without_documentation(node: dict[str, Any]) -> dict[str, Any]:
    # Only a string is documentation: a structure may have a member with this name.
    return {name: value for name, value in node.items() if name != "documentation" or not isinstance(value, str)}
