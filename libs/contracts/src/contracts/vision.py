"""Facts the vision service announces: what is seen."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["ScenesDetected", "WatermarksDetected"]


class ScenesDetected(Fact):
    """The shots of a video are known."""

    stream: ClassVar[str] = "scenes.detected.v1"

    video_id: UUID
    run: int = Field(ge=1)
    key: str
    """``scenes.json``: ``contracts.documents.Scenes``."""
    scenes: int = Field(ge=0)
    engine: str
    model_sha256: str | None = None
    seconds: float = Field(ge=0)
    """Time the work took."""


class WatermarksDetected(Fact):
    """Watermarks and logos were looked for; ``marks`` may be none."""

    stream: ClassVar[str] = "watermarks.detected.v1"

    video_id: UUID
    run: int = Field(ge=1)
    key: str
    """``watermarks.json``: ``contracts.documents.Watermarks``."""
    marks: int = Field(ge=0)
    engine: str
    model_sha256: str | None = None
    seconds: float = Field(ge=0)
