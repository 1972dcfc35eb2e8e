"""A domain of one's own in front of the stage: the API then answers at its root, without the stage in the path."""

from troposphere import GetAtt, Output, Ref, Sub, Template, apigatewayv2

from cfn.template.conditions import HAS_DOMAIN


def add_domain(template: Template) -> None:
    """Add the domain `DomainName` with the certificate `CertificateArn`, and where DNS must lead, if both are set."""
    certificate = apigatewayv2.DomainNameConfiguration(
        CertificateArn=Ref("CertificateArn"), EndpointType="REGIONAL", SecurityPolicy="TLS_1_2"
    )
    template.add_resource(
        apigatewayv2.DomainName(
            "Domain",
            Condition=HAS_DOMAIN,
            DomainName=Ref("DomainName"),
            DomainNameConfigurations=[certificate],
        )
    )
    template.add_resource(
        apigatewayv2.ApiMapping(
            "DomainMapping",
            Condition=HAS_DOMAIN,
            ApiId=Ref("Api"),
            DomainName=Ref("Domain"),
            Stage=Ref("ApiStage"),
        )
    )
    template.add_output(
        [
            Output(
                "DomainAddress", Condition=HAS_DOMAIN, Description="URL at the domain", Value=Sub("https://${Domain}")
            ),
            Output(
                "DomainTarget",
                Condition=HAS_DOMAIN,
                Description="Name that a CNAME, or an alias record, of the domain must lead to",
                Value=GetAtt("Domain", "RegionalDomainName"),
            ),
        ]
    )
