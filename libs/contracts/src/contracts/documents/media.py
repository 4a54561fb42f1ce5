"""``media.json``: what a video is, measured by decoding it."""

from typing import Literal

from pydantic import Field

from contracts.documents._document import Document, Seconds

__all__ = ["AudioTrack", "Color", "Media"]


class AudioTrack(Document):
    """One audio stream of the original."""

    index: int
    """Stream index in the container."""
    codec: str
    sample_rate: int
    channels: int
    language: str | None = None
    default: bool = False
    start: Seconds = 0.0


class Color(Document):
    """How the numbers mean colours, in FFmpeg's names; ``unknown`` where the file does not say."""

    pixel_format: str
    range: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    matrix: str = "unknown"
    bit_depth: int = 8
    hdr: Literal["pq", "hlg"] | None = None


class Media(Document):
    """Facts about the original. ``width`` and ``height`` are as displayed, after rotation and pixel shape."""

    sha256: str
    size_bytes: int = Field(ge=0)
    container: str
    duration: Seconds
    width: int
    height: int
    coded_width: int
    coded_height: int
    frame_rate: str
    frames: int
    video_codec: str
    audio: tuple[AudioTrack, ...] = ()
    rotation: int = 0
    """Degrees clockwise that a player turns the picture: 0, 90, 180 or 270."""
    sar: str = "1:1"
    color: Color
    variable_frame_rate: bool = False
    timecode: str | None = None
    """Of the first frame, where the file has a timecode track; ``;`` before the frames is drop-frame."""
    interlaced: bool = False
    start: Seconds = 0.0
    """Timestamp of the first frame in the container, which is time 0 everywhere else."""
    warnings: tuple[str, ...] = ()
    """What was odd but could be lived with, in sentences."""
