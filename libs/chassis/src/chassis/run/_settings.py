"""What every service needs to know of its surroundings; each service subclasses it with its own prefix."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, PostgresDsn, RedisDsn
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["ServiceSettings"]


class ServiceSettings(BaseSettings):
    """Read once from the environment, in ``main``; a missing address stops the boot."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: PostgresDsn
    """``postgresql://<service>:<password>@host/database``: role and schema are named like the service."""
    admin_database_url: PostgresDsn | None = None
    """Needed by ``migrate`` alone: may create roles and schemas."""
    redis_url: RedisDsn
    blobs_url: str
    """``file:///absolute/path`` for local disk, ``gs://bucket/folder`` for Google Cloud Storage."""
    min_free_bytes: NonNegativeInt = 256 * 2**20
    """Less room than this for blobs is told by /readyz, and no upload is taken that would leave less."""
    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65535)
    """0 takes any free port."""
    models_dir: Path | None = None
    """Mounted weights, tried first: ``<model>/<file>``."""
    cache_dir: Path | None = None
    """Where joined and converted weights are kept."""
    scratch_dir: Path | None = None
    """Where files lie while work is done on them: as much as the films. The system's temporary folder if absent."""
    workers: PositiveInt = 1
    """Tasks at once in this process."""
    tenant_cap: PositiveInt | None = None
    """Tasks of one tenant in flight at once, over all replicas; unlimited when absent."""
    log_format: Literal["console", "json"] = "json"
    log_level: str = "INFO"
    lease_s: PositiveFloat = 30
    """A worker that has been silent for this long is taken for dead, and its task is done again."""
    grace_s: PositiveFloat = 20
    """From SIGTERM to the end: what is not finished by then is handed back."""
