"""Turns errors of boto3 into one line with the cause and the remedy."""

import difflib
from typing import Final

import boto3
from botocore import exceptions as boto

_SIGN_IN: Final = "set AWS_PROFILE, or sign in with `aws configure` or `aws sso login`"
_CREDENTIAL_ERRORS: Final = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def explain(error: boto.BotoCoreError | boto.ClientError) -> str:
    """Return one line with the cause of an error of boto3 and the remedy."""
    message = " ".join(str(error).split())
    match error:
        case boto.ClientError():
            text = _explain_client_error(error)
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            text = f"No usable AWS credentials: {_SIGN_IN}."
        case boto.SSOError() | boto.TokenRetrievalError():
            text = f"The AWS sign-in has expired ({message}): run `aws sso login`."
        case boto.ProfileNotFound():
            text = f"{message}: set AWS_PROFILE to a profile that `aws configure list-profiles` shows."
        case boto.NoRegionError():
            text = "No AWS region: set AWS_DEFAULT_REGION, or give the profile a region."
        case boto.EndpointConnectionError() | boto.ConnectTimeoutError() | boto.InvalidRegionError():
            text = f"{message} {_explain_connection_error()}"
        case _:
            text = message
    return text


def _explain_connection_error() -> str:
    session = boto3.Session()
    region = session.region_name or ""
    known = [name for part in session.get_available_partitions() for name in session.get_available_regions("s3", part)]
    if region in known:
        return "Check the network, and AWS_ENDPOINT_URL if it is set."
    similar = difflib.get_close_matches(region, known)
    hint = (
        f"did you mean {' or '.join(sorted(similar))}?"
        if similar
        else "set AWS_DEFAULT_REGION to one such as us-east-1."
    )
    return f"{region!r} is not a known region: {hint}"


def _explain_client_error(error: boto.ClientError) -> str:
    code = error.response["Error"].get("Code", "")
    message = " ".join(error.response["Error"].get("Message", "").split())
    if code in _CREDENTIAL_ERRORS:
        return f"AWS rejects these credentials in this region ({code}): {_SIGN_IN}, and check AWS_DEFAULT_REGION."
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return f"These credentials do not allow {error.operation_name}: {message or 'ask for the permission'}"
    return f"{error.operation_name} failed ({code}): {message}"
