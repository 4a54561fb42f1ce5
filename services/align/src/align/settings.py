"""What an operator may tune."""

from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """``ALIGN_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="ALIGN_", frozen=True, extra="ignore")

    threads: PositiveInt = 1
    """CPU threads of the sentence embeddings; forced alignment uses one."""
