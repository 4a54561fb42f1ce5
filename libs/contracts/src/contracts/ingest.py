"""Facts the ingest service announces: what came in, and what was turned away."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["RejectionReason", "VideoIngested", "VideoRejected"]


class VideoIngested(Fact):
    """A video was decoded, measured and stored; everybody may work on it."""

    stream: ClassVar[str] = "video.ingested.v1"

    video_id: UUID
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    original_key: str
    media_key: str
    """``media.json``: ``contracts.documents.Media``."""
    audio_key: str | None
    """16 kHz mono 16-bit WAV whose first sample is heard with the first frame; absent when there is no sound."""
    proxy_key: str
    """H.264 and AAC in MP4 that every browser plays."""
    poster_key: str
    thumbnails_key: str | None = None
    duration_s: float = Field(ge=0)
    width: int = Field(gt=0)
    """Pixels as displayed: after rotation and pixel shape."""
    height: int = Field(gt=0)
    frames: int = Field(gt=0)
    frame_rate: str = Field(pattern=r"^\d+/\d+$")
    """Average frames per second as a fraction: ``25/1``, ``30000/1001``."""
    variable_frame_rate: bool = False
    start_timecode: str | None = Field(default=None, pattern=r"^\d\d:\d\d:\d\d[:;]\d\d$")
    """Of the first frame, where the file has a timecode track; ``;`` before the frames is drop-frame."""
    engine: str = ""
    seconds: float = Field(default=0, ge=0)
    """Time the work took."""


class RejectionReason(StrEnum):
    """Why a file cannot be taken in."""

    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    FORBIDDEN_FORMAT = "forbidden_format"
    """A playlist or script that names other files: opening it would read what the sender may not."""
    NO_VIDEO = "no_video"
    UNDECODABLE = "undecodable"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNSUPPORTED = "unsupported"
    CHECKSUM_MISMATCH = "checksum_mismatch"


class VideoRejected(Fact):
    """A file was turned away, with a reason a program can branch on and a person can act on."""

    stream: ClassVar[str] = "video.rejected.v1"

    video_id: UUID
    reason: RejectionReason
    detail: str = Field(max_length=2000)
