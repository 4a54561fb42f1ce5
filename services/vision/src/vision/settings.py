"""What an operator may tune."""

import os
from typing import Literal

from pydantic import Field, PositiveInt
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings

__all__ = ["Settings"]


class Settings(ServiceSettings):
    """``VISION_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="VISION_", frozen=True, extra="ignore")

    scene_detector: Literal["accurate", "fast"] = "accurate"
    """For jobs that do not choose: ``accurate`` is TransNetV2, ``fast`` PySceneDetect (misses most dissolves)."""
    threads: PositiveInt = Field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """CPU threads of one task; as many as there are cores."""
    longest: PositiveInt = Field(default=640, ge=160, le=1920)
    """Pixels of the longer side of the pictures that marks are looked for in, and of key frames."""
