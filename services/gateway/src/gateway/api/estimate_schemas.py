"""Estimates as clients ask for them and see them. Money and quantities are decimal, as strings."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.steps import Step
from contracts.upscale import UpscalePool
from gateway.api.job_schemas import JobChoices
from gateway.api.usage_schemas import Exact
from gateway.domain.estimates import Basis
from gateway.domain.metering import UsageKind
from gateway.usecases.estimates import Estimate

__all__ = ["EstimateRequest", "EstimateView", "estimate_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MeasuresGiven(_Asked):
    """A video that is not here."""

    duration: float = Field(ge=0, le=1e6, description="Seconds.")
    width: int = Field(gt=0, le=65_536)
    height: int = Field(gt=0, le=65_536)
    frame_rate: float = Field(gt=0, le=1000, description="Frames a second.")


class EstimateRequest(_Asked):
    """What is to be estimated."""

    model_config = _Asked.model_config | _example(
        video_id=_ID, steps=["transcript", "upscale"], options={"upscale": {"scale": 2}}
    )

    video_id: UUID | None = Field(default=None, description="A video that is `ready`.")
    media: MeasuresGiven | None = Field(default=None, description="Or the measures of one that is not here yet.")
    steps: tuple[Literal["scenes", "watermarks", "transcript", "alignment", "upscale"], ...] = Field(
        min_length=1, max_length=10
    )
    options: JobChoices = JobChoices()

    @model_validator(mode="after")
    def _names_one_video(self) -> "EstimateRequest":
        if (self.video_id is None) == (self.media is None):
            raise ValueError("give either video_id or media")
        return self


class PoolEstimateView(BaseModel):
    """What upscaling would take on machines of one kind."""

    pool: UpscalePool = Field(description="Workers with a GPU, runners, or workers without a GPU.")
    hours: Exact = Field(description="Of machines, added up: two of them need half the time.")
    amount: Exact | None
    basis: Basis
    samples: int


class StepEstimateView(BaseModel):
    """What one step will take."""

    step: Step
    units: dict[UsageKind, Exact] = Field(examples=[{"transcript_minutes": "42.50"}])
    amount: Exact | None
    seconds: float = Field(description="Time of the work itself, without waiting for a free worker.")
    basis: Basis = Field(
        description="How that is known: the median of the tenant's recent work of this kind, of the whole"
        " installation's, or a default where nothing was measured yet."
    )
    samples: int = Field(description="How many pieces of recent work that is the median of.")
    pools: tuple[PoolEstimateView, ...] = Field(
        default=(),
        description="Upscaling: by kind of machine, those that were measured. `amount` of the step is that of the"
        " dearest that `dispatch` allows.",
    )


class EstimateView(BaseModel):
    """What a job will take and cost. Nothing was asked for."""

    model_config = _example(
        steps=[
            {
                "step": "transcript",
                "units": {"transcript_minutes": "42.50"},
                "amount": "0.85",
                "seconds": 171.3,
                "basis": "tenant",
                "samples": 50,
                "pools": [],
            }
        ],
        seconds=171.3,
        amount="0.85",
        currency="EUR",
    )

    steps: tuple[StepEstimateView, ...]
    seconds: float = Field(description="From the first step to the last: they work side by side.")
    amount: Exact | None = Field(description="Null where nothing has a price.")
    currency: str | None


def estimate_view(estimate: Estimate) -> EstimateView:
    """An estimate."""
    return EstimateView(
        steps=tuple(
            StepEstimateView(
                step=one.work.step,
                units=dict(one.work.quantities),
                amount=one.amount,
                seconds=round(one.seconds, 1),
                basis=one.pace.basis,
                samples=one.pace.samples,
                pools=tuple(
                    PoolEstimateView(
                        pool=on.pool, hours=on.hours, amount=on.amount, basis=on.pace.basis, samples=on.pace.samples
                    )
                    for on in one.pools
                ),
            )
            for one in estimate.steps
        ),
        seconds=round(estimate.seconds, 1),
        amount=estimate.amount,
        currency=estimate.currency,
    )
