"""The settings of a deployment, and the check of parameters before anything is built."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cfn.errors import CommandError
from cfn.template import parameters

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+")
_TAG: Final = re.compile(r"[\w .:/=+@-]{1,128}")
_TAG_VALUE: Final = re.compile(r"[\w .:/=+@-]{0,256}")


@dataclass(frozen=True)
class StackSettings:
    """The settings of one deployment; parameters that are not given keep their current values in the stack."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    throw_away: bool = False
    role_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def parse_parameters(given: list[str], file: Path | None = None) -> dict[str, str]:
    """Return the parameters of a JSON file, and those of the form NAME=VALUE, which win.

    Raises:
        CommandError: A name is unknown, or a value out of bounds.

    """
    chosen = {**(_read(file) if file else {}), **_pairs(given, "parameter", "NAME")}
    for name, value in chosen.items():
        if name not in parameters.SPECS:
            similar = difflib.get_close_matches(name, parameters.NAMES, n=1)
            hint = f"did you mean {similar[0]}?" if similar else f"the parameters are {', '.join(parameters.NAMES)}."
            raise CommandError(f"There is no parameter {name!r}; {hint}")
        if name in parameters.OF_THE_PACKAGE:
            raise CommandError(f"{name} comes from the package: choose it with --platform or --bucket.")
        _check_value(name, value)
    return chosen


def check_together(values: Mapping[str, str], region: str, *, emulated: bool = False) -> None:
    """Raise `CommandError` if values of parameters do not fit together, the region, or AWS itself."""
    _check_notifications(values, emulated=emulated)
    domain, certificate = values.get("DomainName", ""), values.get("CertificateArn", "")
    if bool(domain) != bool(certificate):
        raise CommandError("DomainName and CertificateArn belong together: set both, or neither.")
    if values.get("MonthlyBudget", "0") != "0" and not values.get("AlarmEmail"):
        raise CommandError("MonthlyBudget needs AlarmEmail, the address that is told.")
    if bool(values.get("JwtIssuer")) != bool(values.get("JwtAudience")):
        raise CommandError("JwtIssuer and JwtAudience belong together: set both, or neither.")
    if values.get("JwtJwksUri") and not values.get("JwtIssuer"):
        raise CommandError("JwtJwksUri needs JwtIssuer, whose keys are there.")
    if certificate and certificate.split(":")[3] != region:
        raise CommandError(f"The certificate is in {certificate.split(':')[3]}: a domain needs one in {region}.")


def _check_notifications(values: Mapping[str, str], *, emulated: bool) -> None:
    told, url = values.get("Notifications") == "on", values.get("WebhookUrl", "")
    if url and not told:
        raise CommandError("WebhookUrl needs Notifications=on, which it sends.")
    if url.startswith("http:") and not emulated:
        raise CommandError(f"WebhookUrl can't be {url!r}: only an emulator reaches this machine.")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise CommandError("WebhookUrl has a user or a password, which would not be sent: leave it out.")
    if told and values.get("RegistrationsTableName") and not values.get("RegistrationsStream"):
        raise CommandError(
            "Notifications of an existing table, RegistrationsTableName, need its RegistrationsStream "
            "(cfn/README.md#notifications)."
        )


def parse_tags(given: list[str]) -> dict[str, str]:
    """Return the tags of the form KEY=VALUE; raise `CommandError` for one that AWS would refuse."""
    tags = _pairs(given, "tag", "KEY")
    for key, value in tags.items():
        if not _TAG.fullmatch(key) or not _TAG_VALUE.fullmatch(value) or key.lower().startswith("aws:"):
            raise CommandError(
                f"{key}={value} is not a valid tag: use letters, digits, spaces and _ . : / = + - @, at most 128 for "
                "the key and 256 for the value, and another prefix than aws:"
            )
    return tags


def check_role(arn: str | None) -> str | None:
    """Return the ARN; raise `CommandError` unless it is of a role."""
    if arn and not _ROLE.fullmatch(arn):
        raise CommandError(f"{arn!r} is not the ARN of a role: write arn:aws:iam::123456789012:role/NAME.")
    return arn


def _pairs(given: list[str], noun: str, key: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := next((name for name, separator, _ in pairs if not separator), None):
        raise CommandError(f"{wrong!r} is not a {noun}: write {key}=VALUE.")
    return {name: value for name, _, value in pairs}


def _read(file: Path) -> dict[str, str]:
    """Return the parameters in a file such as {"MemorySize": 1024, "AlarmEmail": "me@example.com"}."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} can't be read as JSON: {error}") from error
    if not isinstance(found, dict) or not all(type(value) in (str, int) for value in found.values()):
        raise CommandError(f'{file} must have one object of texts and whole numbers, such as {{"MemorySize": 1024}}.')
    return {name: str(value) for name, value in found.items()}


def _check_value(name: str, value: str) -> None:
    """Raise `CommandError` for a value that CloudFormation would refuse, minutes later."""
    spec = parameters.SPECS[name]
    if (allowed := spec.get("AllowedValues")) and value not in map(str, allowed):
        raise CommandError(f"{name} can't be {value!r}: choose from {', '.join(map(str, allowed))}.")
    if spec["Type"] == "Number":
        _check_number(name, value, spec)
    if pattern := spec.get("AllowedPattern"):
        parts = value.split(",") if spec["Type"] == "CommaDelimitedList" else [value]
        # A default of several values has one for each of several things, such as tables.
        places = str(spec.get("Default", "")).count(",") + 1
        if (places > 1 and len(parts) != places) or not all(re.fullmatch(pattern, part) for part in parts):
            raise CommandError(f"{name} can't be {value!r}: {spec['ConstraintDescription']}")
    if not spec.get("MinLength", 0) <= len(value) <= spec.get("MaxLength", len(value)):
        raise CommandError(f"{name} must have from {spec['MinLength']} to {spec['MaxLength']} characters.")


def _check_number(name: str, value: str, spec: dict[str, Any]) -> None:
    bounds = f"from {spec['MinValue']} to {spec['MaxValue']}" if "MinValue" in spec else "in digits"
    if not re.fullmatch(r"-?[0-9]+", value) or not (
        spec.get("MinValue", int(value)) <= int(value) <= spec.get("MaxValue", int(value))
    ):
        raise CommandError(f"{name} can't be {value!r}: write a whole number {bounds}.")
