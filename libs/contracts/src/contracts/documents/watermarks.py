"""``watermarks.json``: marks laid over the picture, where and when."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from contracts.documents._document import Box, Document, Seconds

__all__ = ["Mark", "TrackPoint", "Watermarks"]


class TrackPoint(Document):
    """Where a moving mark is at one moment."""

    time: Seconds
    box: Box


class Mark(Document):
    """One mark for one stretch of time. A moving mark's ``box`` is where it is first seen."""

    kind: Literal["logo", "text", "pattern"]
    text: str | None = None
    logo_id: UUID | None = None
    """The tenant's own reference picture that was recognized; its name is in ``logo``."""
    logo: str | None = None
    start: Seconds
    end: Seconds
    start_frame: int
    end_frame: int
    confidence: float = Field(ge=0, le=1)
    moving: bool = False
    box: Box
    track: tuple[TrackPoint, ...] = ()


class Watermarks(Document):
    """All marks found, and where the method could not tell."""

    marks: tuple[Mark, ...]
    inconclusive: tuple[tuple[float, float], ...] = ()
    """Stretches in seconds where a mark cannot be told from the scene, such as one static camera position."""
    engine: str = ""
