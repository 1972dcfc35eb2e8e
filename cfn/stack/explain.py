"""Turns what boto3 raises into one line that says what to do."""

import difflib
from typing import Final

import boto3
from botocore import exceptions as boto

_SIGN_IN: Final = "set AWS_PROFILE, or sign in with `aws configure` or `aws sso login`"
_REFUSED: Final = {
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
    """Return one line on what is wrong and what to do about it."""
    said = " ".join(str(error).split())
    match error:
        case boto.ClientError():
            text = _explain_answer(error)
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            text = f"No usable AWS credentials: {_SIGN_IN}."
        case boto.SSOError() | boto.TokenRetrievalError():
            text = f"The AWS sign-in has ended ({said}): run `aws sso login`."
        case boto.ProfileNotFound():
            text = f"{said}: set AWS_PROFILE to a profile that `aws configure list-profiles` shows."
        case boto.NoRegionError():
            text = "No AWS region: set AWS_DEFAULT_REGION, or give the profile a region."
        case boto.EndpointConnectionError() | boto.ConnectTimeoutError() | boto.InvalidRegionError():
            text = f"{said} {_about_region()}"
        case _:
            text = said
    return text


def _about_region() -> str:
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
    return f"There is no known region {region!r}: {hint}"


def _explain_answer(error: boto.ClientError) -> str:
    code = error.response["Error"].get("Code", "")
    said = " ".join(error.response["Error"].get("Message", "").split())
    if code in _REFUSED:
        return f"AWS refuses these credentials in this region ({code}): {_SIGN_IN}, and check AWS_DEFAULT_REGION."
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return f"These credentials may not do {error.operation_name}: {said or 'ask for the permission'}"
    return f"{error.operation_name} failed ({code}): {said}"
