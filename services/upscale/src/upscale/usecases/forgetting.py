"""Stops what nobody waits for, and deletes what must not be kept."""

from dataclasses import dataclass

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.erasing import queue_forgetting
from chassis.erasing.leftovers import queue_discarding
from chassis.work import Task
from contracts.event import Event
from contracts.gateway import JobCancelled, VideoErased
from contracts.steps import Step
from upscale.domain.keys import results, scratch
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.planning import job_of

__all__ = ["CancelJob", "ForgetVideo", "tidy_if_unwanted"]


@dataclass(frozen=True)
class CancelJob:
    """Stop working for a job that nobody waits for any more."""

    records: RecordsIn
    machines: MachinesIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop its tasks, what was half done for it, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        await self.records(work).lock_video(event.data.video_id)
        if await self.records(work).is_erased(event.data.video_id):
            return
        wanted = await self.records(work).cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        await self.machines(work.connection).withdraw(job_id=event.jobid)
        if wanted:
            runs = sorted({payload["run"] for payload in stopped})
            folders = [scratch(event.tenantid, event.jobid)]
            folders += [results(event.tenantid, event.jobid, run) for run in runs]
            await queue_discarding(
                work,
                step=Step.UPSCALE,
                about=event.data.video_id,
                key=f"cancelled/{event.jobid}/{event.id}",
                folders=folders,
                priority="bulk",
            )


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn
    machines: MachinesIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its chunks and renditions."""
        records, video_id = self.records(work), event.data.video_id
        await records.lock_video(video_id)
        runs = await records.runs(video_id)
        folders = [
            folder
            for job_id, run in runs
            for folder in (results(event.tenantid, job_id, run), scratch(event.tenantid, job_id))
        ]
        await work.cancel_tasks(subject=video_id)
        job_ids = [*event.data.job_ids, *(job_id for job_id, _ in runs)]
        rows = await self.machines(work.connection).erase(job_ids=job_ids)
        rows |= await records.erase_video(video_id, job_ids=job_ids)
        await queue_forgetting(
            work,
            step=Step.UPSCALE,
            about=video_id,
            erasure_id=event.data.erasure_id,
            rows=rows,
            folders=list(dict.fromkeys(folders)),
        )


async def tidy_if_unwanted(task: Task, database: Database, records: RecordsIn, blobs: Blobs) -> None:
    """After a task was stopped: delete what it may have written just after its job's or video's blobs were deleted."""
    job_id = job_of(task)
    async with database.begin(task.tenant_id) as work:
        newest = await records(work).newest_run(job_id)
    if newest is None:
        await blobs.delete_prefix(scratch(task.tenant_id, job_id))
        await blobs.delete_prefix(results(task.tenant_id, job_id, task.payload["run"]))
