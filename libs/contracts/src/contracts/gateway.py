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
    "TimeRange",
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
    """A script was received; what is said of its format is a guess by name and content that the parser may overrule."""

    stream: ClassVar[str] = "script.submitted.v1"

    script_id: UUID
    key: str
    filename: str
    format: Literal["text", "fountain"]
    """The nearest of two, for readers who know no others."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    read_as: Literal["text", "markdown", "fountain", "fdx", "docx", "srt", "vtt", "csv"] | None = None
    """What it is; absent in facts of before there were so many."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Of a table, by what they hold (``text``, ``speaker``, ``kind``…): the name in its head, or the number from 1."""


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TimeRange(_Options):
    """A stretch of the film, in seconds from its first frame."""

    start: float = Field(default=0, ge=0)
    """The first frame at or after it is the first one meant."""
    end: float | None = Field(default=None, gt=0)
    """Exclusive; the end of the film when absent."""


def _left_open(value: object) -> bool:
    return value is None


class UpscaleOptions(_Options):
    """What to sharpen, and how. Where no range, scene or line is chosen, the whole film is meant.

    What is not chosen is made as large by a plain filter, so that the film stays whole.
    """

    scale: Literal[2, 3, 4] = 2
    start: float | None = Field(default=None, ge=0)
    """Seconds from the first frame; the first frame at or after it is the first one sharpened."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the first frame, exclusive."""
    ranges: tuple[TimeRange, ...] = ()
    """More of them; they may overlap."""
    scenes: tuple[int, ...] = ()
    """Indexes of scenes, as ``scenes.json`` counts them."""
    lines: tuple[int, ...] = ()
    """Numbers of lines of the script, as ``ledger.json`` counts them: the take that was chosen, or every one."""
    only: bool = False
    """Leave out what lies before the first frame chosen and behind the last, instead of enlarging it plainly."""
    deinterlace: bool = False
    """Make whole pictures of interlaced ones first: one for each."""
    model: str = "realesr-animevideov3"
    codec: Literal["h264", "h265", "av1", "ffv1"] | None = Field(default=None, exclude_if=_left_open)
    """The operator's choice when absent, like the next three."""
    crf: int | None = Field(default=None, ge=0, le=63, exclude_if=_left_open)
    """0 is best; up to 51 for H.264 and H.265, to 63 for AV1. FFV1 loses nothing and has none."""
    preset: (
        Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"] | None
    ) = Field(default=None, exclude_if=_left_open)
    """How long the encoder may think: from quick to small."""
    container: Literal["mp4", "mkv"] | None = Field(default=None, exclude_if=_left_open)
    """Matroska takes every kind of sound, subtitles and attachments along, and is what FFV1 needs."""
    dispatch: Literal["gpu", "colab", "auto"] = "gpu"
    """Which machines make the chunks: the pool of workers, runners that people bring, or whichever is free."""

    @property
    def stretches(self) -> tuple[tuple[float | None, float | None], ...]:
        """Where each stretch that was chosen by time begins and ends."""
        first = ((self.start, self.end),) if self.start is not None or self.end is not None else ()
        return first + tuple((stretch.start, stretch.end) for stretch in self.ranges)


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
    scenes_key: str | None = Field(default=None, exclude_if=_left_open)
    """Blob key of the scenes that an earlier job found, for a job that chooses among them and does not look for any."""
    ledger_key: str | None = Field(default=None, exclude_if=_left_open)
    """Likewise, of the ledger."""
    start_timecode: str | None = Field(default=None, pattern=r"^\d\d:\d\d:\d\d[:;]\d\d$", exclude_if=_left_open)
    """Timecode of the first frame in what editing programs are given; ``;`` before the frames counts drop-frame."""


class JobRequested(Fact):
    """A job, or its failed steps once more (then ``run`` is one higher and ``steps`` are those to redo)."""

    stream: ClassVar[str] = "job.requested.v1"

    video_id: UUID
    script_id: UUID | None = None
    script_key: str | None = None
    """Where its text is: words of it help to hear what is said."""
    steps: tuple[Step, ...]
    run: int = Field(default=1, ge=1)
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    options: JobOptions = JobOptions()
    film_name: str = ""
    """What people call the video's file: editing programs find it by that."""


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
