"""What a job will take, before it is asked for: quantities from the video's measures, time from earlier work.

The time is that of the work alone. How long it waits for a free worker depends on what else is asked for, and nobody
knows that beforehand.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Literal

from contracts.gateway import JobOptions, UpscaleOptions
from contracts.steps import Step
from contracts.upscale import UpscalePool
from gateway.domain.metering import (
    HOURS_OF,
    MINUTES_OF,
    PriceList,
    UsageKind,
    hours_of,
    megapixels,
    minutes,
    variant_of,
)

__all__ = [
    "Basis",
    "Measures",
    "Pace",
    "PoolEstimate",
    "StepEstimate",
    "Work",
    "chosen",
    "on_pool",
    "pace_of",
    "total_seconds",
    "work_of",
]

Basis = Literal["tenant", "installation", "default"]
_ALL = ((None, None),)
_ENOUGH = 3
"""Fewer samples than this say little."""

DEFAULT_SECONDS: dict[str, float] = {
    Step.INGEST.value: 12.0,
    Step.SCENES.value: 6.0,
    f"{Step.SCENES.value}/fast": 3.0,
    Step.WATERMARKS.value: 18.0,
    Step.TRANSCRIPT.value: 6.0,
    f"{Step.TRANSCRIPT.value}/fast": 3.0,
    Step.ALIGNMENT.value: 3.0,
    Step.UPSCALE.value: 1.5,
    f"{Step.UPSCALE.value}/realesrgan-x4plus": 45.0,
    f"{Step.UPSCALE.value}/realesrgan-x4plus-anime": 45.0,
}
"""Where nothing was measured yet: seconds of work on two CPU cores for a minute of video; for upscaling, for a
megapixel read. By the step and the engine, else by the step."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of a video."""

    duration_s: float
    width: int
    height: int
    frames_per_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """What a step has to do. Time is proportional to ``pace_units``."""

    step: Step
    variant: str
    quantities: Mapping[UsageKind, Decimal]
    pace_units: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for one unit of work, and how we know."""

    seconds: float
    basis: Basis
    samples: int


@dataclass(frozen=True, slots=True)
class PoolEstimate:
    """What a step would take on machines of one kind."""

    pool: UpscalePool
    hours: Decimal
    """Of machines, added up: two of them need half the time."""
    pace: Pace
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class StepEstimate:
    """A step, what it will take, and what it will cost."""

    work: Work
    pace: Pace
    amount: Decimal | None
    pools: tuple[PoolEstimate, ...] = ()
    """Upscaling, by who might make it: those that were measured."""

    @property
    def seconds(self) -> float:
        """The time of the work."""
        return self.work.pace_units * self.pace.seconds


def work_of(step: Step, options: JobOptions, measures: Measures) -> Work:
    """What a step has to do with such a video."""
    variant = variant_of(step, options)
    if step is not Step.UPSCALE:
        length = minutes(measures.duration_s)
        return Work(step, variant, {MINUTES_OF.get(step, UsageKind.INGESTED_MINUTES): length}, float(length))
    chosen = options.upscale
    frames = _sharpened(chosen, measures)
    made = megapixels(measures.width * chosen.scale, measures.height * chosen.scale, frames)
    quantities = {UsageKind.UPSCALED_FRAMES: Decimal(frames), UsageKind.UPSCALED_MEGAPIXELS: made}
    return Work(step, variant, quantities, float(megapixels(measures.width, measures.height, frames)))


def _sharpened(chosen: UpscaleOptions, measures: Measures) -> int:
    """Frames that are sharpened; all, where scenes or lines are chosen, for nobody knows yet how long they are."""
    stretches = chosen.stretches if not (chosen.scenes or chosen.lines) else ()
    frames, counted = 0, 0
    for start, end in sorted((start or 0.0, math.inf if end is None else end) for start, end in stretches or _ALL):
        first, last = (math.ceil(min(at, measures.duration_s) * measures.frames_per_s) for at in (start, end))
        frames += max(0, last - max(first, counted))
        counted = max(counted, last)
    return frames


def pace_of(variant: str, own: Sequence[float], all_: Sequence[float]) -> Pace:
    """The median of the tenant's recent work of this kind; else of everybody's; else what we say ourselves."""
    if len(own) >= _ENOUGH:
        return Pace(median(own), "tenant", len(own))
    if len(all_) >= _ENOUGH:
        return Pace(median(all_), "installation", len(all_))
    return Pace(DEFAULT_SECONDS.get(variant, DEFAULT_SECONDS[variant.partition("/")[0]]), "default", 0)


def on_pool(work: Work, pool: UpscalePool, pace: Pace, prices: PriceList) -> PoolEstimate:
    """What a step would take, and cost, on machines of one kind."""
    hours = hours_of(round(work.pace_units * pace.seconds, 3))
    return PoolEstimate(pool, hours, pace, prices.cost({**work.quantities, HOURS_OF[pool]: hours}))


def chosen(pools: Sequence[PoolEstimate], dispatch: str) -> PoolEstimate | None:
    """That which a job is most likely made on: of several, the dearest. None if none was measured."""
    able = [one for one in pools if dispatch == "auto" or (one.pool == "colab") == (dispatch == "colab")]
    return max(able, key=lambda one: (one.amount or Decimal(0), one.hours), default=None)


def total_seconds(steps: Sequence[StepEstimate]) -> float:
    """From the first step to the last, were there a worker for each: they work side by side, but ingest is awaited by
    all, and the transcript by the alignment."""
    seconds = {estimate.work.step: estimate.seconds for estimate in steps}
    ingest = seconds.pop(Step.INGEST, 0.0)
    spoken = seconds.pop(Step.TRANSCRIPT, 0.0) + seconds.pop(Step.ALIGNMENT, 0.0)
    return ingest + max([spoken, *seconds.values()], default=0.0)
