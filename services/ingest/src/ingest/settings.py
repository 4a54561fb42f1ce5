"""What an operator may tune."""

from pydantic import Field, PositiveInt
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """``INGEST_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="INGEST_", frozen=True, extra="ignore")

    max_bytes: PositiveInt = 64 * 2**30
    """Larger files are rejected."""
    max_pixels: PositiveInt = 36_000_000
    """Per frame, as coded; the default lets 8K pass. Larger pictures are rejected before one is decoded."""
    max_duration_s: PositiveInt = 6 * 3600
    """Longer films are rejected."""
    memory_mib: int = Field(default=3072, ge=128)
    """Address space of each process that decodes what was sent, beyond its own; more than is ever resident."""
    cpu_s: PositiveInt = 4 * 3600
    """Computing time of each such process, over all its threads."""
    wall_s: PositiveInt = 6 * 3600
    """From start to end of taking one file in; then the step fails."""
    proxy_longest: PositiveInt = 1280
    """Pixels of the longer side of proxy and poster, at most."""
