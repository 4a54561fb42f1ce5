"""Following the facts: what any service says moves the jobs that wait for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.database import UnitOfWork
from contracts import uuid7
from contracts.event import Event, Fact
from contracts.ingest import VideoIngested, VideoRejected
from contracts.steps import Step, StepFailed
from gateway.domain.findings import found_in
from gateway.domain.held import COPIES
from gateway.domain.jobs import Job
from gateway.domain.library import Rejection, Video
from gateway.domain.news import news_of, results_of
from gateway.domain.notices import job_notices, video_notices
from gateway.domain.progress import News, fold
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.meter import Meter
from gateway.usecases.notify import Notify

__all__ = ["FollowFacts"]


class FollowFacts:
    """Folds facts into videos and jobs, within the transaction that received them."""

    def __init__(self, records_on: RecordsOn, changes: Changes, notify: Notify, meter: Meter) -> None:
        self._records_on = records_on
        self._changes = changes
        self._notify = notify
        self._meter = meter

    async def __call__(self, event: Event[Any], work: UnitOfWork) -> None:
        """Move what waits for this fact. Late, repeated and stray facts do nothing."""
        fact: Fact = event.data
        news = news_of(fact)
        if news is None:
            return
        records = self._records_on(work.connection)
        if news.step is Step.INGEST:
            await self._follow_ingest(records, work, fact, news)
        elif event.jobid is not None:
            job = await records.jobs.get(event.jobid, lock=True)
            if job is not None:
                await self._move(records, work, job, fact, news)

    async def _follow_ingest(self, records: Records, work: UnitOfWork, fact: Any, news: News) -> None:
        """Ingest belongs to the video: it moves the video and then every job that waits for it."""
        video_id: UUID = fact.video_id
        video = await records.videos.get(video_id, lock=True)
        if video is None or video.state == "erased":
            return
        moved = _after(video, fact)
        if moved != video:
            await records.videos.save(moved)
            await self._notify(work, video_notices(video, moved))
        jobs = await records.jobs.of_video(video_id)
        if isinstance(fact, VideoIngested):
            await self._meter.video(records, moved, jobs, seconds=fact.seconds)
        for job in jobs:
            await self._move(records, work, job, fact, news)

    async def _move(self, records: Records, work: UnitOfWork, job: Job, fact: Fact, news: News) -> None:
        moved = job.with_steps(fold(job.steps, news), now=datetime.now(UTC))
        status = moved.steps.get(news.step)
        if status is not None and status != job.steps[news.step] and status.state == "succeeded":
            moved = replace(moved, results={**moved.results, **results_of(fact)})
            found = found_in(fact, moved, id=uuid7(), at=datetime.now(UTC))
            if found is not None:
                await records.findings.add(found)
            if news.step is not Step.INGEST:
                await self._meter.step(records, moved, news.step, fact)
        if moved != job:
            await records.jobs.save(moved)
            self._changes.note(work, job.id)
            await self._notify(work, job_notices(job, moved))


def _after(video: Video, fact: Fact) -> Video:
    """A video that was taken in stays so, whatever is heard later; one that was not may be, by a replayed fact."""
    if isinstance(fact, VideoIngested):
        keys = {**video.keys, **_keys(fact)}
        for name in _deleted(video):  # this fact is told again, and tells of what is gone
            keys.pop(name, None)
        return replace(video, state="ready", rejection=None, keys=keys, media=_measures(fact))
    if video.state == "ready":
        return video
    if isinstance(fact, VideoRejected | StepFailed):
        return replace(video, state="rejected", rejection=Rejection(str(fact.reason), fact.detail))
    return video


def _deleted(video: Video) -> Iterator[str]:
    if video.original_deleted_at is not None:
        yield "original"
    if video.copies_deleted_at is not None:
        yield from COPIES


def _keys(fact: VideoIngested) -> dict[str, str]:
    keys = {
        "original": fact.original_key,
        "media": fact.media_key,
        "audio": fact.audio_key,
        "proxy": fact.proxy_key,
        "poster": fact.poster_key,
    }
    return {name: key for name, key in keys.items() if key is not None}


def _measures(fact: VideoIngested) -> dict[str, Any]:
    return {
        "duration": fact.duration_s,
        "width": fact.width,
        "height": fact.height,
        "frame_rate": fact.frame_rate,
        "frames": fact.frames,
        "variable_frame_rate": fact.variable_frame_rate,
        "has_audio": fact.audio_key is not None,
    }
