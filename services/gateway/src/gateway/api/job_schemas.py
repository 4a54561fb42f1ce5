"""Jobs as clients ask for them and see them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.documents import JobReport
from contracts.gateway import JobOptions, TimeRange, UpscaleOptions
from contracts.steps import Step
from gateway.api.schemas import Passthrough

__all__ = ["Job", "JobChoices", "JobError", "JobOptionsView", "JobRequest", "RetryRequest"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


_MOST = 500
"""Choices of one kind in a job."""
_LARGEST = 1_000_000
_WORST_CRF = 51
_EXAMPLE_RANGE = _example(start=12.0, end=20.5)
_EXAMPLE_UPSCALE = _example(scale=2, lines=[3, 4], codec="h265", container="mkv")


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeChoice(TimeRange):
    """A stretch of the film, in seconds from its first frame."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False) | _EXAMPLE_RANGE

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "RangeChoice":
        if self.end is not None and self.end <= self.start:
            raise ValueError("end must be later than start")
        return self


class UpscaleChoices(UpscaleOptions):
    """What to sharpen, and how. Where no range, scene or line is chosen, the whole film is meant.

    Choices add up. What is not chosen is made as large by a plain filter, so that the film stays whole; with `only`,
    what lies before and behind is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False) | _EXAMPLE_UPSCALE

    ranges: tuple[RangeChoice, ...] = Field(default=(), max_length=_MOST)
    scenes: tuple[Annotated[int, Field(ge=0, le=_LARGEST)], ...] = Field(
        default=(),
        max_length=_MOST,
        description="Indexes of scenes of this video, found by this job or an earlier one.",
        examples=[[1, 4]],
    )
    lines: tuple[Annotated[int, Field(ge=1, le=_LARGEST)], ...] = Field(
        default=(),
        max_length=_MOST,
        description="Numbers of lines of the script, found in the film by this job or an earlier one: the chosen take.",
        examples=[[3, 4, 5]],
    )
    model: Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        default="realesr-animevideov3",
        description="The network. Others, and weights of the operator's own (`custom-NAME`), need machines with torch; "
        "where there is none, or no such network, the step fails and says so.",
        examples=["realesr-animevideov3", "realesrgan-x4plus"],
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "UpscaleChoices":
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError("end must be later than start")
        if self.only and not (self.stretches or self.scenes or self.lines):
            raise ValueError("only leaves out what is not chosen: choose a range, scenes or lines")
        if self.crf is not None and self.crf > _WORST_CRF and self.codec != "av1":
            raise ValueError(f"a crf above {_WORST_CRF} means something to av1 alone")
        if self.codec == "ffv1" and self.container == "mp4":
            raise ValueError("ffv1 needs the container mkv: MP4 has no place for it")
        return self


class JobChoices(_Asked):
    """Choices per step; those of a step that is not wanted are ignored."""

    language: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}$",
        description="transcript: the language spoken (ISO 639-1); detected when absent.",
        examples=["en"],
    )
    recognizer: Literal["fast", "accurate"] | None = Field(
        default=None, description="transcript: the operator's choice when absent."
    )
    scene_detector: Literal["accurate", "fast"] | None = Field(
        default=None, description="scenes: `fast` misses most dissolves; the operator's choice when absent."
    )
    start_timecode: str | None = Field(
        default=None,
        pattern=r"^\d\d:\d\d:\d\d[:;]\d\d$",
        description="alignment: the first frame's timecode in exports; `01:00:00;00` counts drop-frame. "
        "The film's own, or 0, when absent.",
        examples=["01:00:00:00"],
    )
    logos: Literal["all"] | Annotated[tuple[UUID, ...], Field(max_length=50)] = Field(
        default="all", description="watermarks: which of your `/v1/logos` to look for beside whatever marks there are."
    )
    upscale: UpscaleChoices = Field(default=UpscaleChoices(), description="upscale: how, and what of the film.")

    def for_services(self) -> JobOptions:
        """What the services are told; where the logos are is added once they are found."""
        return JobOptions.model_validate(self.model_dump(exclude={"logos"}))


class JobRequest(_Asked):
    """What to do with a video."""

    model_config = _Asked.model_config | _example(
        video_id=_ID,
        script_id=_ID,
        steps=["scenes", "watermarks", "alignment", "upscale"],
        options={"upscale": {"scale": 2}},
    )

    video_id: UUID
    script_id: UUID | None = Field(default=None, description="Needed for an alignment.")
    steps: tuple[Literal["scenes", "watermarks", "transcript", "alignment", "upscale"], ...] = Field(
        min_length=1, max_length=10, description="An alignment brings the transcript it needs."
    )
    options: JobChoices = JobChoices()
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    passthrough: Passthrough | None = None


_Retried = Literal["scenes", "watermarks", "transcript", "alignment", "upscale"]


class RetryRequest(_Asked):
    """Which of the failed steps to do again; an alignment brings a failed transcript it needs."""

    model_config = _Asked.model_config | _example(steps=["upscale"])

    steps: tuple[_Retried, ...] = Field(default=(), max_length=10, description="All that failed when empty.")


class JobError(BaseModel):
    """The first thing that failed."""

    step: Step
    reason: str
    detail: str


class NamedLogo(BaseModel):
    """A logo that is looked for."""

    id: UUID
    name: str


class JobOptionsView(BaseModel):
    """What was chosen."""

    language: str | None = None
    recognizer: Literal["fast", "accurate"] | None = None
    scene_detector: Literal["accurate", "fast"] | None = None
    start_timecode: str | None = None
    logos: tuple[NamedLogo, ...] = ()
    upscale: UpscaleOptions


class Job(JobReport):
    """A job and its steps."""

    model_config = _example(
        id=_ID,
        video_id=_ID,
        script_id=None,
        state="running",
        fraction=0.4,
        run=1,
        steps=[
            {"step": "ingest", "state": "succeeded", "fraction": 1.0, "seconds": 2.1},
            {"step": "scenes", "state": "running", "fraction": 0.2, "message": "frame 120 of 600"},
        ],
        created_at=_AT,
        finished_at=None,
        priority="normal",
        options={"language": "en", "logos": [{"id": _ID, "name": "channel mark"}], "upscale": {"scale": 2}},
        passthrough="order-4711",
        error=None,
    )

    priority: Literal["urgent", "normal", "bulk"] = "normal"
    options: JobOptionsView
    passthrough: str | None = None
    error: JobError | None = None
