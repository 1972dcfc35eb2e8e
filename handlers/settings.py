"""Settings of the service from environment variables; boto3 reads its own (AWS_REGION, AWS_PROFILE and others)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the HTTP service."""

    cors_origins: tuple[str, ...]
    stage: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Settings":
        """Read CORS_ORIGINS (comma-separated, all by default) and STAGE (a path segment)."""
        origins = (origin.strip() for origin in environ.get("CORS_ORIGINS", "*").split(","))
        return cls(
            cors_origins=tuple(origin for origin in origins if origin),
            stage=f"/{environ.get('STAGE', '')}",
        )
