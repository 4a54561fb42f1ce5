"""Matches videos with the jobs that want them sharper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.event import Event
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step
from upscale.ports import Records
from upscale.ports.runner_records import RunnerRecords

__all__ = ["JoinVideoAndJob", "MachinesIn", "RecordsIn"]

RecordsIn = Callable[[UnitOfWork], Records]
MachinesIn = Callable[[Any], RunnerRecords]
"""What is remembered of runners, on a connection."""


@dataclass(frozen=True)
class JoinVideoAndJob:
    """Queue one plan per run of a job, once both the video and the request are here, in whatever order they come."""

    records: RecordsIn

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video is ready: serve whoever waited for it."""
        records = self.records(work)
        await records.lock_video(event.data.video_id)
        await records.add_video(event.data)
        video = await records.video(event.data.video_id)
        if video is None:
            return
        for job_id, request in await records.requests(video.video_id):
            await _queue(work, job_id, request, video)

    async def job_came(self, event: Event[JobRequested], work: UnitOfWork) -> None:
        """A job asks for something: if for upscaling, and the video is here, begin."""
        request, job_id = event.data, event.jobid
        if Step.UPSCALE not in request.steps or job_id is None:
            return
        records = self.records(work)
        await records.lock_video(request.video_id)
        if not await records.add_request(job_id, request, asked_at=event.time):
            return
        video = await records.video(request.video_id)
        if video is not None:
            await _queue(work, job_id, request, video)


async def _queue(work: UnitOfWork, job_id: UUID, request: JobRequested, video: VideoIngested) -> None:
    await work.enqueue(
        step=Step.UPSCALE,
        kind="plan",
        key=f"{job_id}/{Step.UPSCALE}/{request.run}",
        subject=video.video_id,
        job_id=job_id,
        priority=request.priority,
        payload={
            "run": request.run,
            "priority": request.priority,
            "original_key": video.original_key,
            "source_sha256": video.sha256,
            "options": request.options.upscale.model_dump(mode="json"),
        },
    )
