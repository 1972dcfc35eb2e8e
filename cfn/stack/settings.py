"""The settings of a deployment, and the check of parameters before anything is built."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfn.errors import CommandError
from cfn.template import parameters


@dataclass(frozen=True)
class StackSettings:
    """The settings of one deployment; parameters that are not given keep their current values in the stack."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    throw_away: bool = False


def parse_parameters(given: list[str]) -> dict[str, str]:
    """Parse parameters of the form NAME=VALUE; raise `CommandError` for an unknown name or a value out of bounds."""
    chosen = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise CommandError(f"{text!r} is not a parameter: write NAME=VALUE.")
        if name not in parameters.SPECS:
            similar = difflib.get_close_matches(name, parameters.NAMES, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"the parameters are {', '.join(parameters.NAMES)}."
            raise CommandError(f"There is no parameter {name!r}; {hint}")
        _check_value(name, value)
        chosen[name] = value
    return chosen


def _check_value(name: str, value: str) -> None:
    """Raise `CommandError` for a value that CloudFormation would refuse, minutes later."""
    spec = parameters.SPECS[name]
    if (allowed := spec.get("AllowedValues")) and value not in map(str, allowed):
        raise CommandError(f"{name} can't be {value!r}: choose from {', '.join(map(str, allowed))}.")
    if spec["Type"] == "Number":
        _check_number(name, value, spec)
    if pattern := spec.get("AllowedPattern"):
        parts = value.split(",") if spec["Type"] == "CommaDelimitedList" else [value]
        if not all(re.fullmatch(pattern, part) for part in parts):
            raise CommandError(f"{name} can't be {value!r}: {spec['ConstraintDescription']}")
    if not spec.get("MinLength", 0) <= len(value) <= spec.get("MaxLength", len(value)):
        raise CommandError(f"{name} must have from {spec['MinLength']} to {spec['MaxLength']} characters.")


def _check_number(name: str, value: str, spec: dict[str, Any]) -> None:
    bounds = f"from {spec['MinValue']} to {spec['MaxValue']}" if "MinValue" in spec else "in digits"
    if not re.fullmatch(r"-?[0-9]+", value) or not (
        spec.get("MinValue", int(value)) <= int(value) <= spec.get("MaxValue", int(value))
    ):
        raise CommandError(f"{name} can't be {value!r}: write a whole number {bounds}.")
