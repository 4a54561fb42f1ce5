"""Jobs as clients ask for them and see them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.documents import JobReport
from contracts.gateway import JobOptions, UpscaleOptions
from contracts.steps import Step
from gateway.api.schemas import Passthrough

__all__ = ["Job", "JobChoices", "JobError", "JobOptionsView", "JobRequest", "RetryRequest"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_AT = "2026-11-22T16:30:00Z"


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UpscaleChoices(UpscaleOptions):
    """What to sharpen. Without a range the whole film is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)  # Python reads Infinity as JSON

    model: Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = (
        "realesr-animevideov3"
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "UpscaleChoices":
        if self.end is not None and self.end <= (self.start or 0):
            raise ValueError("end must be later than start")
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
    logos: Literal["all"] | Annotated[tuple[UUID, ...], Field(max_length=50)] = Field(
        default="all", description="watermarks: which of your `/v1/logos` to look for beside whatever marks there are."
    )
    upscale: UpscaleChoices = Field(default=UpscaleChoices(), description="upscale: how, and which part.")

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
