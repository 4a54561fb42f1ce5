"""Matches videos with the jobs that want them sharper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.align import AlignmentReady
from contracts.event import Event
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed
from contracts.vision import ScenesDetected
from upscale.ports import Records
from upscale.ports.runner_records import RunnerRecords
from upscale.usecases.selecting import what_to_choose_from

__all__ = ["JoinVideoAndJob", "MachinesIn", "RecordsIn"]

RecordsIn = Callable[[UnitOfWork], Records]
MachinesIn = Callable[[Any], RunnerRecords]
"""What is remembered of runners, on a connection."""


@dataclass(frozen=True)
class JoinVideoAndJob:
    """Queue one plan per run of a job, once all that it needs is here, in whatever order it comes."""

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
            await self._queue(work, job_id, request, video)

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
            await self._queue(work, job_id, request, video)

    async def step_came(self, event: Event[ScenesDetected] | Event[AlignmentReady], work: UnitOfWork) -> None:
        """Scenes or a ledger of a job: serve its own runs that chose among them."""
        step = Step.SCENES if isinstance(event.data, ScenesDetected) else Step.ALIGNMENT
        await self._heard(event.jobid, event.data.video_id, step, work, key=event.data.key)

    async def step_failed(self, event: Event[StepFailed], work: UnitOfWork) -> None:
        """A step of a job gave up: whoever chose among what it was to find hears of it."""
        if event.data.step in (Step.SCENES, Step.ALIGNMENT):
            await self._heard(event.jobid, event.data.video_id, event.data.step, work, failed_run=event.data.run)

    async def _heard(
        self,
        job_id: UUID | None,
        video_id: UUID,
        step: Step,
        work: UnitOfWork,
        *,
        key: str | None = None,
        failed_run: int | None = None,
    ) -> None:
        if job_id is None:
            return
        records = self.records(work)
        await records.lock_video(video_id)
        await records.add_finding(job_id, video_id, step, key=key, failed_run=failed_run)
        video = await records.video(video_id)
        for waiting, request in await records.requests(video_id):
            if waiting == job_id and video is not None:
                await self._queue(work, job_id, request, video)

    async def _queue(self, work: UnitOfWork, job_id: UUID, request: JobRequested, video: VideoIngested) -> None:
        """Queue the plan of a run, unless it waits for what it is to choose from. A second call changes nothing."""
        records = self.records(work)
        runs = [run for job, run in await records.requests(video.video_id) if job == job_id]
        keys = await what_to_choose_from(records, job_id, request, runs)
        if keys is None:
            return
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
                **keys,
            },
        )
