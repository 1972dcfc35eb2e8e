"""Errors of boto3 become one line with the cause and the remedy."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cfn.stack.explain import explain


def test_a_misspelt_region_is_answered_with_similar_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-est-1")
    line = explain(EndpointConnectionError(endpoint_url="https://cloudformation.us-est-1.amazonaws.com/"))
    assert "'us-est-1' is not a known region: did you mean" in line
    assert "us-east-1" in line


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("ExpiredToken", "AWS rejects these credentials in this region (ExpiredToken): set AWS_PROFILE, or sign in"),
        ("InvalidClientTokenId", "and check AWS_DEFAULT_REGION."),
        ("AccessDenied", "These credentials do not allow DescribeStacks: no rights for you"),
        ("ValidationError", "DescribeStacks failed (ValidationError): no rights for you"),
    ],
)
def test_an_error_response_of_aws_becomes_one_line(code: str, part: str) -> None:
    line = explain(ClientError({"Error": {"Code": code, "Message": "no rights\n for you"}}, "DescribeStacks"))
    assert part in line
    assert "\n" not in line
