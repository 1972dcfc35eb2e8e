"""The HTTP API in front of the function: routes, one stage, throttling, CORS and access logs."""

import json
from typing import Final

from troposphere import GetAtt, Ref, Sub, Template, apigatewayv2
from troposphere.awslambda import Permission

#: The fields of an access log line; latencies are in milliseconds. The path is left out because it contains user ids:
#: the service's own log has the route of the operation, under the same request id.
_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "responseLength": "$context.responseLength",
}

#: The routes that have a throttle of their own, by logical id; every other request takes `$default`. All lead to the
#: same integration with the same event, so that 404, 405 and their problem documents come from the service.
_REGISTRATIONS: Final = {
    "RegistrationsRoute": "POST /registrations",
    "EventRegistrationsRoute": "POST /events/{eventId}/registrations",
}
_DOCUMENTS: Final = {
    "DocsRoute": "GET /docs/{file}",
    "JsonContractRoute": "GET /openapi.json",
    "YamlContractRoute": "GET /openapi.yaml",
}


def add_api(template: Template) -> None:
    """Add the API, its routes, which all lead to the alias, and its stage."""
    template.add_resource(
        apigatewayv2.Api(
            "Api",
            Name=Ref("AWS::StackName"),
            Description="Events, users and registrations; the contract is at /openapi.yaml",
            ProtocolType="HTTP",
            CorsConfiguration=_cors(),
        )
    )
    template.add_resource(
        apigatewayv2.Integration(
            "ApiIntegration",
            ApiId=Ref("Api"),
            IntegrationType="AWS_PROXY",
            IntegrationUri=Ref("LiveAlias"),
            PayloadFormatVersion="2.0",
            TimeoutInMillis=30000,
        )
    )
    for logical_id, key in {"ApiRoute": "$default", **_REGISTRATIONS, **_DOCUMENTS}.items():
        template.add_resource(
            apigatewayv2.Route(
                logical_id,
                ApiId=Ref("Api"),
                RouteKey=key,
                AuthorizationType="NONE",
                Target=Sub("integrations/${ApiIntegration}"),
            )
        )
    _add_stage(template)
    template.add_resource(
        Permission(
            "ApiMayCallFunction",
            Action="lambda:InvokeFunction",
            FunctionName=Ref("LiveAlias"),
            Principal="apigateway.amazonaws.com",
            SourceArn=Sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/${StageName}/*"),
        )
    )


def api_url() -> Sub:
    """Return the public URL of the API; relative links lead below it only if it ends in a slash."""
    return Sub("${Api.ApiEndpoint}/${StageName}/")


def docs_url() -> Sub:
    """Return the public URL of Swagger UI."""
    return Sub("${Api.ApiEndpoint}/${StageName}/docs")


def _cors() -> apigatewayv2.Cors:
    return apigatewayv2.Cors(
        AllowOrigins=Ref("CorsOrigins"),
        AllowMethods=["GET", "POST", "PUT", "DELETE"],
        # `idempotency-key` is one that clients send to every service; a browser must not fail because of it.
        AllowHeaders=["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"],
        ExposeHeaders=["etag", "location", "link", "retry-after", "www-authenticate", "x-request-id"],
        MaxAge=3600,
    )


def _add_stage(template: Template) -> None:
    registrations = {
        "ThrottlingRateLimit": Ref("RegistrationThrottleRate"),
        "ThrottlingBurstLimit": Ref("RegistrationThrottleBurst"),
    }
    # Their responses have up to 1.7 MB: at the rate of the others, sending them could cost more than all the rest.
    documents = {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 100}
    template.add_resource(
        apigatewayv2.Stage(
            "ApiStage",
            ApiId=Ref("Api"),
            StageName=Ref("StageName"),
            AutoDeploy=True,
            AccessLogSettings=apigatewayv2.AccessLogSettings(
                DestinationArn=GetAtt("AccessLog", "Arn"), Format=json.dumps(_ACCESS_LOG)
            ),
            DefaultRouteSettings=apigatewayv2.RouteSettings(
                DetailedMetricsEnabled=False,
                ThrottlingRateLimit=Ref("ThrottleRate"),
                ThrottlingBurstLimit=Ref("ThrottleBurst"),
            ),
            RouteSettings=dict.fromkeys(_REGISTRATIONS.values(), registrations)
            | dict.fromkeys(_DOCUMENTS.values(), documents),
            # The gateway refuses settings of a route that it does not have.
            DependsOn=[*_REGISTRATIONS, *_DOCUMENTS],
        )
    )
