"""The account that the commands talk to; credentials, region and endpoint are boto3's own business."""

from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from storage.embedded import EMULATOR_ACCESS

_AWS_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


class Aws:
    """One account in one region, or an emulator of it at an endpoint."""

    def __init__(self, session: boto3.Session | None = None, endpoint: str | None = None) -> None:
        self._session = session or boto3.Session()
        self._endpoint = endpoint

    def client(self, service: str) -> Any:
        """Return a client of the service."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=10)
        return self._session.client(service, endpoint_url=self._endpoint, config=config)  # type: ignore[call-overload] # any service

    @cached_property
    def stacks(self) -> Any:
        """Return the client of CloudFormation."""
        return self.client("cloudformation")

    @property
    def region(self) -> str:
        """Return the name of the region."""
        return str(self.stacks.meta.region_name)

    @cached_property
    def account(self) -> str:
        """Return the twelve digits of the account."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def emulator(self) -> str | None:
        """Return the address of the emulator, or None where it is AWS itself."""
        url = str(self.stacks.meta.endpoint_url)
        return None if (urlsplit(url).hostname or "").endswith(_AWS_DOMAINS) else url

    @property
    def pause(self) -> float:
        """Return how many seconds to wait between two looks at something that goes on."""
        return 0.2 if self.emulator else 2.0


def emulated(endpoint: str) -> Aws:
    """Return the account of an emulator."""
    return Aws(boto3.Session(**EMULATOR_ACCESS), endpoint)
