"""A role for CloudFormation, tags, and files of parameters."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cfn.errors import CommandError
from cfn.package.build import Package
from cfn.stack import lookup
from cfn.stack.deploy import deploy
from cfn.stack.destroy import destroy
from cfn.stack.rollback import roll_back
from cfn.stack.settings import StackSettings, check_role, parse_parameters, parse_tags

Make = Callable[..., Package]

_ROLE = "arn:aws:iam::000000000000:role/cloudformation"


def test_every_change_is_made_with_the_role(
    recorded: Any, stack: StackSettings, service: Make, console: Console
) -> None:
    settings = replace(stack, role_arn=_ROLE)
    for word in ("one", "two"):
        deploy(recorded, settings, service(word), console)
    roll_back(recorded, stack.name, console, role_arn=_ROLE)
    destroy(recorded, stack.name, console, confirmed=True, role_arn=_ROLE)
    changes = [call for _, operation, call in recorded.calls if operation in ("CreateChangeSet", "DeleteStack")]
    assert len(changes) == 5
    assert {call["RoleARN"] for call in changes} == {_ROLE}


def test_tags_are_those_of_the_stack_and_stay_until_others_are_given(
    recorded: Any, stack: StackSettings, service: Make, console: Console
) -> None:
    deploy(recorded, replace(stack, tags={"team": "events"}), service("one"), console)
    deploy(recorded, stack, service("two"), console)
    assert lookup.get_stack(recorded, stack.name)["Tags"] == [{"Key": "team", "Value": "events"}]
    function = lookup.physical_id(recorded, stack.name, "Function")
    assert recorded.client("lambda").get_function(FunctionName=function)["Tags"]["team"] == "events"


class TestFile:
    def test_the_parameters_of_a_file_are_set_and_those_of_the_command_line_win(self, tmp_path: Path) -> None:
        file = tmp_path / "production.json"
        file.write_text('{"MemorySize": 1024, "AlarmEmail": "me@example.com"}')
        assert parse_parameters(["MemorySize=512"], file) == {"MemorySize": "512", "AlarmEmail": "me@example.com"}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{", "can't be read as JSON"),
            ("[]", "must have one object of texts and whole numbers"),
            ('{"MemorySize": true}', "must have one object of texts and whole numbers"),
            ('{"MemorySise": 1024}', "There is no parameter 'MemorySise'; did you mean MemorySize"),
            ('{"MemorySize": 1}', "MemorySize can't be '1'"),
        ],
    )
    def test_a_wrong_file_is_refused(self, tmp_path: Path, content: str, message: str) -> None:
        file = tmp_path / "production.json"
        file.write_text(content)
        with pytest.raises(CommandError, match=message):
            parse_parameters([], file)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=r"nowhere\.json can't be read"):
            parse_parameters([], tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("team", "'team' is not a tag: write KEY=VALUE"),
        ("aws:team=a", "is not a valid tag"),
        ("=a", "is not a valid tag"),
        ("team=<a>", "is not a valid tag"),
    ],
)
def test_a_wrong_tag_is_refused(given: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_tags([given])


def test_tags_may_be_empty_and_contain_an_equals_sign() -> None:
    assert parse_tags(["team=", "cost=a=b"]) == {"team": "", "cost": "a=b"}


def test_a_wrong_role_is_refused() -> None:
    assert check_role(None) is None
    assert check_role(_ROLE) == _ROLE
    with pytest.raises(CommandError, match="'admin' is not the ARN of a role: write arn:aws:iam::123456789012:role/NA"):
        check_role("admin")


def test_parameters_of_a_file_are_texts_as_cloudformation_has_them(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text(json.dumps({"LogRetentionDays": 7}))
    assert parse_parameters([], file) == {"LogRetentionDays": "7"}


class TestDomain:
    CERTIFICATE = f"arn:aws:acm:us-east-1:000000000000:certificate/{uuid.UUID(int=1)}"

    def test_the_output_says_where_dns_must_lead(
        self, recorded: Any, stack: StackSettings, service: Make, console: Console, printed: Callable[[], str]
    ) -> None:
        parameters = parse_parameters(["DomainName=api.example.com", f"CertificateArn={self.CERTIFICATE}"])
        deploy(recorded, replace(stack, parameters=parameters), service(), console)
        shown = dict(line.split(maxsplit=1) for line in printed().splitlines() if line.startswith("Domain"))
        assert shown.keys() == {"DomainAddress", "DomainTarget"}
        assert shown["DomainAddress"] == "https://api.example.com"

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"DomainName": "api.example.com"}, "DomainName and CertificateArn belong together"),
            ({"CertificateArn": CERTIFICATE}, "DomainName and CertificateArn belong together"),
            (
                {"DomainName": "api.example.com", "CertificateArn": CERTIFICATE.replace("us-east-1", "eu-west-1")},
                "The certificate is in eu-west-1: a domain needs one in us-east-1",
            ),
        ],
        ids=["domain", "certificate", "region"],
    )
    def test_a_domain_without_a_certificate_that_fits_is_refused(  # noqa: PLR0913 - fixtures
        self,
        recorded: Any,
        stack: StackSettings,
        service: Make,
        console: Console,
        parameters: dict[str, str],
        message: str,
    ) -> None:
        with pytest.raises(CommandError, match=message):
            deploy(recorded, replace(stack, parameters=parameters), service(), console)
        assert lookup.find_stack(recorded, stack.name) is None

    @pytest.mark.parametrize("name", ["API.example.com", "example", "-a.example.com", "a_b.example.com"])
    def test_a_name_that_is_not_a_domain_is_refused(self, name: str) -> None:
        with pytest.raises(CommandError, match="DomainName can't be"):
            parse_parameters([f"DomainName={name}"])
