"""What any service may say about a step of a job: how far it is, and why it failed."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["Step", "StepFailed", "StepProgressed"]


class Step(StrEnum):
    """The parts of a job. ``ingest`` is always there; a job names which of the others it wants."""

    INGEST = "ingest"
    SCENES = "scenes"
    WATERMARKS = "watermarks"
    TRANSCRIPT = "transcript"
    ALIGNMENT = "alignment"
    UPSCALE = "upscale"


class StepProgressed(Fact):
    """A step is on its way. Losable: the stream is capped, and only the newest word counts."""

    stream: ClassVar[str] = "step.progressed.v1"

    video_id: UUID
    step: Step
    run: int = Field(ge=1)
    fraction: float = Field(ge=0, le=1)
    """How much of the step is done, 0 to 1."""
    message: str = Field(default="", max_length=200)
    """A few words for people: ``"frame 120 of 900"``."""


class StepFailed(Fact):
    """A step gave up: no retry is left or none would help."""

    stream: ClassVar[str] = "step.failed.v1"

    video_id: UUID
    step: Step
    run: int = Field(ge=1)
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Stable and machine-readable, such as ``no_audio_decoded`` or ``tries_exhausted``."""
    detail: str = Field(default="", max_length=2000)
    """What happened and what to do about it, for people."""
    attempts: int = Field(default=1, ge=0)
