"""What a job will take and cost, before it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.gateway import JobOptions
from contracts.steps import Step
from contracts.upscale import UpscalePool
from gateway.domain.estimates import (
    Measures,
    PoolEstimate,
    StepEstimate,
    Work,
    chosen,
    on_pool,
    pace_of,
    total_seconds,
    work_of,
)
from gateway.domain.jobs import steps_wanted
from gateway.domain.library import Video
from gateway.domain.metering import PriceList
from gateway.domain.refusals import NotFound, NotReady
from gateway.ports import Records, RecordsOn
from gateway.usecases.videos import require_usable

__all__ = ["Estimate", "EstimateOrder", "Estimates"]

_RECENT = 50


@dataclass(frozen=True, slots=True)
class EstimateOrder:
    """What is to be estimated: steps of a video that is here, or of one with these measures."""

    steps: tuple[Step, ...]
    options: JobOptions
    video_id: UUID | None = None
    measures: Measures | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it will take."""

    steps: Sequence[StepEstimate]
    seconds: float
    amount: Decimal | None
    currency: str | None


class Estimates:
    """Estimates, from how long such work took of late."""

    def __init__(self, records_on: RecordsOn, prices: PriceList) -> None:
        self._records_on = records_on
        self._prices = prices

    async def __call__(self, work: UnitOfWork, order: EstimateOrder) -> Estimate:
        """An estimate; nothing is asked for. Raises NotFound, NotReady, VideoUnusable."""
        records = self._records_on(work.connection)
        measures, steps = order.measures, steps_wanted(order.steps)
        if measures is None:
            assert order.video_id is not None, "one of the two is given"
            measures = _measures(await records.videos.get(order.video_id), steps)
        else:
            steps = (Step.INGEST, *steps)  # a video that is not here has to be taken in first
        estimates = [await self._step(records, step, order.options, measures) for step in steps]
        amounts = [estimate.amount for estimate in estimates if estimate.amount is not None]
        total = sum(amounts, Decimal(0)) if amounts else None
        return Estimate(estimates, total_seconds(estimates), total, self._prices.currency)

    async def amount(
        self, records: Records, video: Video, steps: Sequence[Step], options: JobOptions
    ) -> Decimal | None:
        """What steps of a video will cost; None where nothing has a price, or nobody knows yet how long it is."""
        if video.state != "ready" or video.media is None:
            return None
        estimates = [await self._step(records, step, options, _measured(video.media)) for step in steps]
        amounts = [estimate.amount for estimate in estimates if estimate.amount is not None]
        return sum(amounts, Decimal(0)) if amounts else None

    async def _step(self, records: Records, step: Step, options: JobOptions, measures: Measures) -> StepEstimate:
        work = work_of(step, options, measures)
        own, all_ = await records.usage.paces(work.variant, limit=_RECENT)
        pace, amount = pace_of(work.variant, own, all_), self._prices.cost(work.quantities)
        if step is not Step.UPSCALE:
            return StepEstimate(work, pace, amount)
        pools = await self._pools(records, work)
        likely = chosen(pools, options.upscale.dispatch)
        return StepEstimate(work, pace, amount if likely is None else likely.amount, pools)

    async def _pools(self, records: Records, work: Work) -> tuple[PoolEstimate, ...]:
        """By kind of machine, those that were measured."""
        found = []
        for pool in get_args(UpscalePool):
            own, all_ = await records.usage.paces(f"{work.variant}/{pool}", limit=_RECENT)
            pace = pace_of(work.variant, own, all_)
            if pace.basis != "default":
                found.append(on_pool(work, pool, pace, self._prices))
        return tuple(found)


def _measures(video: Video | None, steps: Sequence[Step]) -> Measures:
    if video is None:
        raise NotFound("there is no such video", field="video_id")
    require_usable(video, steps)
    if video.media is None:
        raise NotReady("this video is being taken in: how long it is shows then", field="video_id")
    return _measured(video.media)


def _measured(media: Mapping[str, Any]) -> Measures:
    rate = float(Fraction(media["frame_rate"])) if media["duration"] else 0.0
    return Measures(float(media["duration"]), media["width"], media["height"], rate)
