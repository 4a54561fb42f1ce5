"""Forgets what must be forgotten: rows at once, blobs by a task, for deleting them may need another try."""

from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.erasing import queue_forgetting
from chassis.erasing.leftovers import queue_discarding
from chassis.work import Task
from contracts.event import Event
from contracts.gateway import JobCancelled, VideoErased
from contracts.retention import IntermediatesErased, TranscriptsErased
from contracts.steps import Step
from transcribe.domain.keys import scratch_folder, transcript_folder
from transcribe.usecases.joining import RecordsIn

__all__ = [
    "CancelJob",
    "ForgetIntermediates",
    "ForgetTranscripts",
    "ForgetVideo",
    "tidy_if_unwanted",
]


@dataclass(frozen=True)
class CancelJob:
    """Stop hearing for a job that nobody waits for any more."""

    records: RecordsIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop what it asked for, its tasks, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        await work.hold(event.data.video_id)
        if await self.records(work).is_erased(event.data.video_id):
            return
        wanted = await self.records(work).cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        if wanted:  # pieces of a run that failed are there though no task is
            runs = {payload["run"] for payload in stopped}
            folders = [transcript_folder(event.tenantid, event.jobid, run) for run in sorted(runs)]
            folders.append(scratch_folder(event.tenantid, event.jobid))
            await queue_discarding(
                work,
                step=Step.TRANSCRIPT,
                about=event.data.video_id,
                key=f"cancelled/{event.jobid}/{event.id}",
                folders=folders,
            )


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its transcripts."""
        records, video_id = self.records(work), event.data.video_id
        await work.hold(video_id)
        asked = {(job_id, request.run) for job_id, request in await records.requests(video_id)}
        made = set(await records.transcribed(video_id))  # also for jobs that were cancelled afterwards
        folders = [transcript_folder(event.tenantid, job_id, run) for job_id, run in sorted(asked | made)]
        folders += [scratch_folder(event.tenantid, job_id) for job_id in sorted({job_id for job_id, _ in asked | made})]
        await work.cancel_tasks(subject=video_id)
        rows = await records.erase_video(video_id, job_ids=[*event.data.job_ids, *(job_id for job_id, _ in asked)])
        erasure_id = event.data.erasure_id
        await queue_forgetting(
            work, step=Step.TRANSCRIPT, about=video_id, erasure_id=erasure_id, rows=rows, folders=folders
        )


@dataclass(frozen=True)
class ForgetTranscripts:
    """Delete the transcripts that some jobs made of a video; the video, and what other jobs made of it, stays."""

    records: RecordsIn

    async def __call__(self, event: Event[TranscriptsErased], work: UnitOfWork) -> None:
        """Erase their rows and pieces, queue the deletion of the words. It is about the erasure, not the video."""
        records, fact = self.records(work), event.data
        await work.hold(fact.video_id)
        asked = {(job_id, request.run) for job_id, request in await records.requests(fact.video_id)}
        made = asked | set(await records.transcribed(fact.video_id))
        of_jobs = sorted(one for one in made if one[0] in fact.job_ids)
        folders = [transcript_folder(event.tenantid, job_id, run) for job_id, run in of_jobs]
        folders += [scratch_folder(event.tenantid, job_id) for job_id in dict.fromkeys(job_id for job_id, _ in of_jobs)]
        rows = {
            "transcripts": await records.erase_transcripts(fact.job_ids),
            "pieces": await records.erase_pieces(fact.job_ids),
        }
        await queue_forgetting(
            work, step=Step.TRANSCRIPT, about=fact.erasure_id, erasure_id=fact.erasure_id, rows=rows, folders=folders
        )


@dataclass(frozen=True)
class ForgetIntermediates:
    """Delete the pieces that are kept for jobs that failed: asked for again, they are heard anew."""

    records: RecordsIn

    async def __call__(self, event: Event[IntermediatesErased], work: UnitOfWork) -> None:
        """Forget which pieces were heard, queue the deletion of what was heard in them."""
        records, fact = self.records(work), event.data
        await work.hold(fact.video_id)
        asked = dict.fromkeys(job_id for job_id, _ in await records.requests(fact.video_id) if job_id in fact.job_ids)
        await queue_forgetting(
            work,
            step=Step.TRANSCRIPT,
            about=fact.erasure_id,
            erasure_id=fact.erasure_id,
            rows={"pieces": await records.erase_pieces(fact.job_ids)},
            folders=[scratch_folder(event.tenantid, job_id) for job_id in asked],
        )


async def tidy_if_unwanted(task: Task, database: Database, records: RecordsIn, blobs: Blobs) -> None:
    """What was erased or called off may have been deleted just before a worker wrote: delete that too.

    A task is also stopped when another piece of its run has failed. Then what is heard stays for the run that is tried
    again, which may have begun already.
    """
    if task.job_id is None:
        return
    video_id = UUID(task.subject)
    async with database.begin(task.tenant_id) as work:
        erased = await records(work).is_erased(video_id)
        wanted = {job_id for job_id, _ in await records(work).requests(video_id)}
    if erased or await task.is_cancelled():
        await blobs.delete_prefix(transcript_folder(task.tenant_id, task.job_id, task.payload["run"]))
        if task.job_id not in wanted:
            await blobs.delete_prefix(scratch_folder(task.tenant_id, task.job_id))
