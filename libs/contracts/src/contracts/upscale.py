"""Facts the upscale service announces: chunks as they come, the film when it is whole."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Fact

__all__ = ["ChunkReady", "PoolShare", "UpscaleFailed", "UpscalePool", "VideoUpscaled"]

UpscalePool = Literal["gpu", "colab", "local"]
"""Workers with a GPU; runners, whoever they belong to; workers without a GPU."""


class ChunkReady(Fact):
    """One chunk was enhanced, encoded and verified."""

    stream: ClassVar[str] = "chunk.ready.v1"

    video_id: UUID
    run: int = Field(ge=1)
    index: int = Field(ge=0)
    chunks: int = Field(ge=1)
    """How many chunks the plan has."""
    key: str
    frames: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PoolShare(BaseModel):
    """What machines of one kind did of a rendition."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pool: UpscalePool
    seconds: float = Field(ge=0)
    """Of machines at work, added up."""
    megapixels: float = Field(ge=0)
    """Of the result: width times height times frames."""


class VideoUpscaled(Fact):
    """The rendition stands, and its quality report says what was checked."""

    stream: ClassVar[str] = "video.upscaled.v1"

    video_id: UUID
    run: int = Field(ge=1)
    rendition_key: str
    qc_key: str
    """``qc.json``: ``contracts.documents.QualityReport``."""
    page_key: str | None = None
    """``qc.html``: the same for people."""
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frames: int = Field(gt=0)
    sharpened_frames: int | None = Field(default=None, ge=0)
    """How many of the frames were sharpened; all when absent."""
    sharpened_seconds: float | None = Field(default=None, ge=0)
    """What sharpening those has taken, of all the seconds."""
    passed: bool
    engine: str
    model_sha256: str
    seconds: float = Field(ge=0)
    pools: tuple[PoolShare, ...] = ()
    """Empty where it was not noted."""


class UpscaleFailed(Fact):
    """The film could not be upscaled; what was made of it is kept for a later run."""

    stream: ClassVar[str] = "upscale.failed.v1"

    video_id: UUID
    run: int = Field(ge=1)
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    detail: str = Field(default="", max_length=2000)
    failed_chunks: tuple[int, ...] = ()
