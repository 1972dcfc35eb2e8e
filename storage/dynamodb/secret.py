"""A secret in the parameter store of Systems Manager, which costs nothing there."""

from storage.dynamodb.services import client


def read_secret(name: str) -> str:
    """Return the value of an encrypted parameter."""
    found: str = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    return found
