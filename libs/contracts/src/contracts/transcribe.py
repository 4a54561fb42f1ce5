"""Facts the transcribe service announces: what is said."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["TranscriptReady"]


class TranscriptReady(Fact):
    """Every word that was heard has its time. A video without speech has a transcript without words."""

    stream: ClassVar[str] = "transcript.ready.v1"

    video_id: UUID
    run: int = Field(ge=1)
    key: str
    """``transcript.json``: ``contracts.documents.Transcript``."""
    audio_key: str | None
    """The audio it was made from, for who wants to look closer; absent when the video has none."""
    language: str | None
    words: int = Field(ge=0)
    engine: str
    model_sha256: str
    seconds: float = Field(ge=0)
