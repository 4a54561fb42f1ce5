"""Counting work as it is done: in the commit of the fact that says so, once, however often the fact comes.

Facts of different services come in any order. Most steps are counted by the length of the video, which is known from
the day ingest has spoken; a step that succeeded before is counted then.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from contracts.event import Fact
from contracts.steps import Step
from gateway.domain.jobs import Job
from gateway.domain.library import Video
from gateway.domain.metering import Metered, PriceList, metered_rendition, metered_step, metered_video
from gateway.ports import Records

__all__ = ["Meter"]


class Meter:
    """Enters what facts say into the books."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices

    async def video(self, records: Records, video: Video, jobs: Sequence[Job], *, seconds: float | None) -> None:
        """A video was taken in; and what its jobs have done before we heard of it."""
        duration = _duration(video)
        if duration is None:
            return
        done = [metered_step(job, step, duration) for job in jobs for step in job.steps]
        first = metered_video(video.id, duration, seconds)
        await self._enter(records, [first, *(one for one in done if one is not None)])

    async def step(self, records: Records, job: Job, step: Step, fact: Fact) -> None:
        """A step of a job has succeeded."""
        metered = metered_rendition(job, fact)
        if not metered:
            video = await records.videos.get(job.video_id)
            duration = None if video is None else _duration(video)
            counted = None if duration is None else metered_step(job, step, duration)
            metered = [] if counted is None else [counted]
        await self._enter(records, metered)

    async def _enter(self, records: Records, metered: Sequence[Metered]) -> None:
        await records.usage.enter(metered, self._prices, day=datetime.now(UTC).date())


def _duration(video: Video) -> float | None:
    return None if video.media is None else float(video.media["duration"])
