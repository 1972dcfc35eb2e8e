"""The HTTP API in front of the function: one route, one stage, throttling, CORS and access logs."""

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


def add_api(template: Template) -> None:
    """Add the API, its only route, which leads to the alias, and its stage."""
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
    # A single route, so that 404, 405 and their problem documents come from the service.
    template.add_resource(
        apigatewayv2.Route(
            "ApiRoute",
            ApiId=Ref("Api"),
            RouteKey="$default",
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
            SourceArn=Sub(
                "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/${StageName}/$default"
            ),
        )
    )


def api_url() -> Sub:
    """Return the public URL of the API, without a trailing slash."""
    return Sub("${Api.ApiEndpoint}/${StageName}")


def docs_url() -> Sub:
    """Return the public URL of Swagger UI."""
    return Sub("${Api.ApiEndpoint}/${StageName}/docs")


def _cors() -> apigatewayv2.Cors:
    return apigatewayv2.Cors(
        AllowOrigins=Ref("CorsOrigins"),
        AllowMethods=["GET", "POST", "PUT", "DELETE"],
        AllowHeaders=["content-type", "if-match", "if-none-match"],
        ExposeHeaders=["etag", "location", "link", "retry-after", "x-request-id"],
        MaxAge=3600,
    )


def _add_stage(template: Template) -> None:
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
        )
    )
