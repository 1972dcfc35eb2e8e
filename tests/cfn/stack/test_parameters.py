"""Parameters on the command line are checked before anything is deployed."""

import pytest

from cfn.errors import CommandError
from cfn.stack.settings import check_together, parse_parameters
from cfn.template.parameters import DEFAULTS, OF_THE_PACKAGE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("MemorySise=1", "There is no parameter 'MemorySise'; did you mean MemorySize?"),
        ("MemorySize", "'MemorySize' is not a parameter: write NAME=VALUE"),
        ("Architecture=x86_64", "Architecture comes from the package: choose it with --platform or --bucket"),
        ("CodeKey=old.zip", "CodeKey comes from the package"),
        ("Zzz=1", "There is no parameter 'Zzz'; the parameters are CodeBucket, CodeKey, StageName"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_right_one(given: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_parameters([given])


def test_the_value_of_a_parameter_may_contain_an_equals_sign() -> None:
    assert parse_parameters(["CorsOrigins=https://a.example,https://b.example", "AlarmEmail=a=b@c.example"]) == {
        "CorsOrigins": "https://a.example,https://b.example",
        "AlarmEmail": "a=b@c.example",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("MemorySize=64", "MemorySize can't be '64': write a whole number from 256 to 10240"),
        ("MemorySize=1024.5", "MemorySize can't be '1024.5': write a whole number"),
        ("LogRetentionDays=8", "LogRetentionDays can't be '8': choose from 1, 3, 5, 7, 14, 30"),
        ("TrafficShift=Canary", "TrafficShift can't be 'Canary': choose from AllAtOnce, Canary10Percent5Minutes"),
        ("AlarmEmail=nobody", "AlarmEmail can't be 'nobody': An e-mail address, or empty"),
        ("CorsOrigins=https://a.example,b", r"CorsOrigins can't be .*: `\*`, or origins such as"),
        ("MaxWriteUnits=1,2", "MaxWriteUnits can't be '1,2': Three numbers"),
        ("MaxReadUnits=1,2,3,4", "MaxReadUnits can't be '1,2,3,4': Three numbers"),
        ("StageName=", "StageName can't be '': 1 to 128 letters"),
        ("JwtIssuer=login.example.com", "JwtIssuer can't be 'login.example.com': An https URL"),
        ("JwtIssuer=http://login.example.com", "JwtIssuer can't be .*: An https URL"),
        ("OrganizerScope=", "OrganizerScope can't be '': The name of a scope"),
        ("AdminScope=a b", "AdminScope can't be 'a b': The name of a scope"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused_with_the_rule(given: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse_parameters([given])


def test_a_budget_without_an_address_is_refused() -> None:
    with pytest.raises(CommandError, match="MonthlyBudget needs AlarmEmail"):
        check_together({"MonthlyBudget": "5"}, "us-east-1")
    check_together({"MonthlyBudget": "5", "AlarmEmail": "me@example.com"}, "us-east-1")
    check_together({"MonthlyBudget": "0"}, "us-east-1")


def test_an_issuer_and_an_audience_belong_together() -> None:
    issuer, audience = {"JwtIssuer": "https://login.example.com/"}, {"JwtAudience": "events"}
    for alone in (issuer, audience):
        with pytest.raises(CommandError, match="JwtIssuer and JwtAudience belong together"):
            check_together(alone, "us-east-1")
    with pytest.raises(CommandError, match="JwtJwksUri needs JwtIssuer"):
        check_together({"JwtJwksUri": "https://login.example.com/keys"}, "us-east-1")
    check_together({**issuer, **audience}, "us-east-1")
    check_together({"JwtIssuer": "", "JwtAudience": ""}, "us-east-1")


def test_notifications_need_what_they_can_be_read_from_and_sent_to() -> None:
    on, table = {"Notifications": "on"}, {"RegistrationsTableName": "restored"}
    with pytest.raises(CommandError, match="WebhookUrl needs Notifications=on"):
        check_together({"WebhookUrl": "https://example.com/hook"}, "us-east-1")
    with pytest.raises(CommandError, match="need its RegistrationsStream"):
        check_together({**on, **table}, "us-east-1")
    with pytest.raises(CommandError, match="has a user or a password"):
        check_together({**on, "WebhookUrl": "https://me:secret@example.com/hook"}, "us-east-1")
    check_together({**on, **table, "RegistrationsStream": "2026-11-24T10:00:00.000"}, "us-east-1")
    check_together({**on, "WebhookUrl": "https://example.com/@hook"}, "us-east-1")


def test_a_webhook_leads_to_this_machine_only_on_an_emulator() -> None:
    here = {"Notifications": "on", "WebhookUrl": "http://127.0.0.1:8080/hook"}
    with pytest.raises(CommandError, match="only an emulator reaches this machine"):
        check_together(here, "us-east-1")
    check_together(here, "us-east-1", emulated=True)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example.com/",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1B2c3D4e",
        "http://127.0.0.1:4711",
        "http://localhost:4711/realms/events",
    ],
)
def test_an_issuer_is_an_https_url_or_on_this_machine(issuer: str) -> None:
    assert parse_parameters([f"JwtIssuer={issuer}"]) == {"JwtIssuer": issuer}


def test_every_default_is_accepted() -> None:
    given = {name: value for name, value in DEFAULTS.items() if name not in OF_THE_PACKAGE}
    assert parse_parameters([f"{name}={value}" for name, value in given.items()]) == given
