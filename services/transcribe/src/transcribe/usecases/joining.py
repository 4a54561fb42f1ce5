"""Matches videos with the jobs that want them heard."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.event import Event
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step
from transcribe.ports import Records

__all__ = ["JoinVideoAndJob", "RecordsIn"]

RecordsIn = Callable[[UnitOfWork], Records]


@dataclass(frozen=True)
class JoinVideoAndJob:
    """Queue one task per run of a job, once both the video and the request for its transcript are here."""

    records: RecordsIn

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video is ready: serve whoever waited for it."""
        records = self.records(work)
        await work.hold(event.data.video_id)
        await records.add_video(event.data)
        video = await records.video(event.data.video_id)
        if video is None:
            return
        for job_id, request in await records.requests(video.video_id):
            await _queue(work, job_id, request, video)

    async def job_came(self, event: Event[JobRequested], work: UnitOfWork) -> None:
        """A job asks for something: if for words, and the video is here, begin."""
        request, job_id = event.data, event.jobid
        if Step.TRANSCRIPT not in request.steps or job_id is None:
            return
        records = self.records(work)
        await work.hold(request.video_id)
        if not await records.add_request(job_id, request, asked_at=event.time):
            return
        video = await records.video(request.video_id)
        if video is not None:
            await _queue(work, job_id, request, video)


async def _queue(work: UnitOfWork, job_id: UUID, request: JobRequested, video: VideoIngested) -> None:
    await work.enqueue(
        step=Step.TRANSCRIPT,
        kind="transcribe",
        key=f"{job_id}/{Step.TRANSCRIPT}/{request.run}",
        subject=video.video_id,
        job_id=job_id,
        priority=request.priority,
        payload={
            "run": request.run,
            "audio_key": video.audio_key,
            "duration_s": video.duration_s,
            "language": request.options.language,
            "quality": request.options.recognizer,
            "priority": request.priority,
            "script_key": request.script_key,
        },
    )
