"""The parameters of an issuer reach the function, and an open stack has the variables that it had."""

from typing import Any

from cfn.template.build import build_template
from cfn.template.parameters import DEFAULTS
from handlers.settings import ADMIN, ORGANIZER, Issuer


def variables() -> dict[str, Any]:
    resources = build_template("Release").to_dict()["Resources"]
    found: dict[str, Any] = resources["Function"]["Properties"]["Environment"]["Variables"]
    return found


def resolved(**parameters: str) -> dict[str, str]:
    """Return the variables of the tokens with the given parameters, as CloudFormation evaluates them."""
    values = {**DEFAULTS, **parameters}
    holds = {"TokensAreRequired": values["JwtIssuer"] != "", "KeysHaveAnAddress": values["JwtJwksUri"] != ""}
    found = {}
    for name, value in variables().items():
        if name.startswith("JWT_"):
            condition, then, otherwise = value["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
            if holds[condition]:
                found[name] = values[then["Ref"]]
    return found


def test_an_open_stack_has_no_variable_of_tokens() -> None:
    assert resolved() == {}
    others = {name for name in variables() if not name.startswith("JWT_")}
    assert others == {"EVENTS_TABLE", "USERS_TABLE", "REGISTRATIONS_TABLE", "CORS_ORIGINS", "STAGE"}


def test_the_service_reads_what_the_parameters_say() -> None:
    given = {"JwtIssuer": "https://login.example.com/", "JwtAudience": "one,two"}
    assert Issuer.of(resolved(**given)) == Issuer("https://login.example.com/", frozenset({"one", "two"}))
    more = {
        "OrganizerScope": "events/organizer",
        "AdminScope": "events/admin",
        "JwtJwksUri": "https://keys.example.com",
    }
    assert Issuer.of(resolved(**given, **more)) == Issuer(
        "https://login.example.com/",
        frozenset({"one", "two"}),
        "events/organizer",
        "events/admin",
        "https://keys.example.com",
    )


def test_the_usual_names_of_the_roles_are_those_of_the_service() -> None:
    assert (DEFAULTS["OrganizerScope"], DEFAULTS["AdminScope"]) == (ORGANIZER, ADMIN)


def test_the_conditions_and_the_rule_are_those_of_the_parameters() -> None:
    template = build_template("Release").to_dict()
    without = {name: {"Fn::Equals": [{"Ref": name}, ""]} for name in ("JwtIssuer", "JwtAudience", "JwtJwksUri")}
    assert template["Conditions"]["TokensAreRequired"] == {"Fn::Not": [without["JwtIssuer"]]}
    assert template["Conditions"]["KeysHaveAnAddress"] == {"Fn::Not": [without["JwtJwksUri"]]}
    (assertion,) = template["Rules"]["IssuerHasAnAudience"]["Assertions"]
    neither, both = assertion["Assert"]["Fn::Or"]
    assert neither == {"Fn::And": [without["JwtIssuer"], without["JwtAudience"]]}
    assert both == {"Fn::And": [{"Fn::Not": [without["JwtIssuer"]]}, {"Fn::Not": [without["JwtAudience"]]}]}
