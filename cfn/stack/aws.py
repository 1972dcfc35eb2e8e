"""The AWS account that the commands use; boto3 finds its credentials, region and endpoint."""

from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from storage.embedded import EMULATOR_ACCESS

_AWS_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


class Aws:
    """An AWS account in one region, or an emulator at an endpoint."""

    def __init__(self, session: boto3.Session | None = None, endpoint: str | None = None) -> None:
        self._session = session or boto3.Session()
        self._endpoint = endpoint

    def client(self, service: str) -> Any:
        """Return a boto3 client of an AWS service."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=10)
        return self._session.client(service, endpoint_url=self._endpoint, config=config)  # type: ignore[call-overload] # any service

    @cached_property
    def cloudformation(self) -> Any:
        """Return the CloudFormation client."""
        return self.client("cloudformation")

    @property
    def region(self) -> str:
        """Return the name of the region."""
        return str(self.cloudformation.meta.region_name)

    @cached_property
    def account(self) -> str:
        """Return the account id, which has twelve digits."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def partition(self) -> str:
        """Return the partition of the region, `aws` in most."""
        return str(self.cloudformation.meta.partition)

    @property
    def emulator_url(self) -> str | None:
        """Return the URL of the emulator, or None on AWS."""
        url = str(self.cloudformation.meta.endpoint_url)
        return None if (urlsplit(url).hostname or "").endswith(_AWS_DOMAINS) else url

    @property
    def poll_seconds(self) -> float:
        """Return the polling interval in seconds."""
        return 0.2 if self.emulator_url else 2.0


def emulator_account(endpoint: str) -> Aws:
    """Return the account that an emulator provides at an endpoint."""
    return Aws(boto3.Session(**EMULATOR_ACCESS), endpoint)
