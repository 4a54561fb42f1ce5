"""Facts the gateway announces: what people and programs asked for."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.documents.corrections import Correction
from contracts.event import Fact
from contracts.steps import Step

__all__ = [
    "AlignmentCorrected",
    "JobCancelled",
    "JobOptions",
    "JobRequested",
    "LogoReference",
    "OriginalErased",
    "ScriptErased",
    "ScriptSubmitted",
    "TenantErased",
    "UpscaleOptions",
    "VideoErased",
    "VideoSubmitted",
]


class VideoSubmitted(Fact):
    """A video was received whole and waits to be taken in."""

    stream: ClassVar[str] = "video.submitted.v1"

    video_id: UUID
    upload_key: str
    """Blob key of the bytes as they were uploaded: ``scratch/<tenant>/uploads/<upload>/<name>``, its own folder."""
    filename: str
    """What the client called it: shown to people, never used as a path."""
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ScriptSubmitted(Fact):
    """A script was received; ``format`` is a guess by name and content that the parser may overrule."""

    stream: ClassVar[str] = "script.submitted.v1"

    script_id: UUID
    key: str
    filename: str
    format: Literal["text", "fountain"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class UpscaleOptions(_Options):
    """What to sharpen. Without a range the whole film is meant."""

    scale: Literal[2, 3, 4] = 2
    start: float | None = Field(default=None, ge=0)
    """Seconds from the first frame; the first frame at or after it is the first one upscaled."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the first frame, exclusive."""
    model: str = "realesr-animevideov3"
    codec: Literal["h264", "h265"] = "h264"
    crf: int = Field(default=18, ge=0, le=51)
    dispatch: Literal["gpu", "colab", "auto"] = "gpu"
    """Which machines make the chunks: the pool of workers, runners that people bring, or whichever is free."""


class LogoReference(_Options):
    """A reference picture of the tenant's own that is to be looked for."""

    id: UUID
    name: str
    key: str
    """Blob key of the picture: PNG, JPEG or WebP."""


class JobOptions(_Options):
    """Choices per step; a step that is not wanted ignores its own."""

    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    """ISO 639-1 code of the speech; detected when absent."""
    recognizer: Literal["fast", "accurate"] | None = None
    scene_detector: Literal["accurate", "fast"] | None = None
    logos: tuple[LogoReference, ...] = ()
    """Looked for by the watermarks step, beside whatever marks there are."""
    upscale: UpscaleOptions = UpscaleOptions()


class JobRequested(Fact):
    """A job, or its failed steps once more (then ``run`` is one higher and ``steps`` are those to redo)."""

    stream: ClassVar[str] = "job.requested.v1"

    video_id: UUID
    script_id: UUID | None = None
    steps: tuple[Step, ...]
    run: int = Field(default=1, ge=1)
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    options: JobOptions = JobOptions()


class JobCancelled(Fact):
    """Nobody waits for this job any more: stop its work."""

    stream: ClassVar[str] = "job.cancelled.v1"

    video_id: UUID
    reason: str = ""


class VideoErased(Fact):
    """A video must leave no trace: every service stops work on it and deletes what it holds."""

    stream: ClassVar[str] = "video.erased.v1"

    video_id: UUID
    erasure_id: UUID | None = None
    """Whoever has deleted all it held says so by ``traces.erased`` with this id; nobody waits where there is none."""
    job_ids: tuple[UUID, ...] = ()
    """The jobs it had, of which nothing shall stay either."""


class AlignmentCorrected(Fact):
    """A person corrected what became of lines of a script in a video; it holds for every alignment of the two."""

    stream: ClassVar[str] = "alignment.corrected.v1"

    video_id: UUID
    script_id: UUID
    revision: int = Field(ge=1)
    """Counts what people said of this video and script, without a gap."""
    changes: tuple[Correction, ...]
    """What is said of each line from now on; one that says nothing takes back what was said before."""


class OriginalErased(Fact):
    """The bytes a video came as must go; what was made of them stays, and with it the video."""

    stream: ClassVar[str] = "original.erased.v1"

    video_id: UUID
    erasure_id: UUID


class ScriptErased(Fact):
    """A script must leave no trace, nor what was made of it: whoever holds any deletes it and says so."""

    stream: ClassVar[str] = "script.erased.v1"

    script_id: UUID
    erasure_id: UUID


class TenantErased(Fact):
    """The event's tenant must leave no trace: every service stops its work and deletes all it holds."""

    stream: ClassVar[str] = "tenant.erased.v1"

    erasure_id: UUID
