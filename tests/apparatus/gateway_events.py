"""Events that API Gateway sends to the Lambda function, in payload formats 1.0 and 2.0, and their context."""

from typing import Any


class Context:
    """The context object that the runtime passes with an event."""

    aws_request_id = "8a7b"
    function_name = "events-api"
    function_version = "7"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:events-api:live"
    remaining = 10_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


def payload_2(method: str, path: str, *, stage: str = "", query: str = "", **more: Any) -> dict[str, Any]:
    """Return an event of an HTTP API, as the documentation of payload format 2.0 shows it."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"{stage}{path}",
        "rawQueryString": query,
        "cookies": ["cookie1", "cookie2"],
        "headers": {"accept": "*/*", "host": "id.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "id.execute-api.eu-west-1.amazonaws.com",
            "http": {
                "method": method,
                "path": f"{stage}{path}",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "agent",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "prod",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
        **more,
    }


def payload_1(method: str, path: str, *, stage: str = "", query: str = "", **more: Any) -> dict[str, Any]:
    """Return an event of a REST API, as the documentation of payload format 1.0 shows it."""
    pairs = [pair.split("=") for pair in query.split("&") if pair]
    headers = {"Accept": "*/*", "Host": "id.execute-api.eu-west-1.amazonaws.com", "X-Forwarded-Proto": "https"}
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": f"{stage}{path}",
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": {
            name: [value for other, value in pairs if other == name] for name, _value in pairs
        }
        or None,
        "requestContext": {
            "accountId": "123456789012",
            "identity": {"sourceIp": "192.0.2.1"},
            "path": f"/prod{path}",
            "requestId": "id=",
            "stage": "prod",
        },
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        **more,
    }
