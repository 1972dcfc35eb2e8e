"""A domain of one's own leads to the root of the API, and is there only with a certificate."""

from typing import Any

import pytest

from cfn.template.build import build_template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found: dict[str, Any] = build_template("Release").to_dict()
    return found


def test_the_domain_has_the_certificate_and_needs_tls_1_2(template: dict[str, Any]) -> None:
    (configuration,) = template["Resources"]["Domain"]["Properties"]["DomainNameConfigurations"]
    assert configuration["CertificateArn"] == {"Ref": "CertificateArn"}
    assert configuration["SecurityPolicy"] == "TLS_1_2"


def test_the_stage_is_at_the_root_of_the_domain(template: dict[str, Any]) -> None:
    mapping = template["Resources"]["DomainMapping"]["Properties"]
    assert mapping == {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "Domain"}, "Stage": {"Ref": "ApiStage"}}


def test_without_both_parameters_there_is_no_domain(template: dict[str, Any]) -> None:
    empty = [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("DomainName", "CertificateArn")]
    assert template["Conditions"]["HasDomain"] == {"Fn::And": empty}
    for part in (*(template["Resources"][name] for name in ("Domain", "DomainMapping")), *_outputs(template)):
        assert part["Condition"] == "HasDomain"


def _outputs(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [template["Outputs"]["DomainAddress"], template["Outputs"]["DomainTarget"]]
