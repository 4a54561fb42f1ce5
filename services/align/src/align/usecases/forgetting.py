"""Forgetting what must be forgotten: jobs that were called off, videos that were erased."""

from collections.abc import Callable
from dataclasses import dataclass

from align.domain.places import folder_of
from align.ports import Records
from align.usecases.losing import announce_lost
from chassis.database import UnitOfWork
from chassis.erasing import queue_forgetting
from chassis.erasing.leftovers import queue_discarding
from contracts.event import Event
from contracts.gateway import JobCancelled, ScriptErased, VideoErased
from contracts.retention import ResultsErased, TranscriptsErased
from contracts.steps import Step

__all__ = ["CancelJob", "ForgetResults", "ForgetScript", "ForgetTranscripts", "ForgetVideo"]

RecordsIn = Callable[[UnitOfWork], Records]


@dataclass(frozen=True)
class CancelJob:
    """Stop aligning for a job that nobody waits for any more."""

    records: RecordsIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop what it asked for, its tasks, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        records = self.records(work)
        await records.hold(job_id=event.jobid)
        await work.hold(event.data.video_id)
        if await records.is_erased(event.data.video_id):
            return
        await records.cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        folders = [folder_of(event.tenantid, event.jobid, payload["run"]) for payload in stopped]
        if folders:
            await queue_discarding(
                work,
                step=Step.ALIGNMENT,
                about=event.data.video_id,
                key=f"cancelled/{event.jobid}/{event.id}",
                folders=folders,
            )


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its ledgers."""
        records, video_id = self.records(work), event.data.video_id
        await work.hold(video_id)
        runs = await records.jobs_of_video(video_id)
        await work.cancel_tasks(subject=video_id)
        rows = await records.erase_video(video_id, job_ids=[*event.data.job_ids, *(job_id for job_id, _ in runs)])
        await queue_forgetting(
            work,
            step=Step.ALIGNMENT,
            about=video_id,
            erasure_id=event.data.erasure_id,
            rows=rows,
            folders=[folder_of(event.tenantid, job_id, run) for job_id, run in runs],
        )


@dataclass(frozen=True)
class ForgetScript:
    """Leave no trace of a script, nor of what was aligned with it: a ledger holds every line of it."""

    records: RecordsIn

    async def __call__(self, event: Event[ScriptErased], work: UnitOfWork) -> None:
        """Stop its tasks and say so, erase its rows, queue the deletion of its ledgers."""
        records, script_id = self.records(work), event.data.script_id
        await records.hold(script_id=script_id)
        runs = await records.runs_of_script(script_id)
        for job_id in sorted({job_id for job_id, _ in runs}):
            given_up = {request.run for request in await records.waiting(job_id)}
            given_up |= {payload["run"] for payload in await work.cancel_tasks(job_id=job_id)}
            for request in await records.requests(job_id):
                if request.run in given_up:
                    await announce_lost(work, job_id, request)
        rows = await records.erase_script(script_id)
        await queue_forgetting(
            work,
            step=Step.ALIGNMENT,
            about=script_id,
            erasure_id=event.data.erasure_id,
            rows=rows,
            folders=[folder_of(event.tenantid, job_id, run) for job_id, run in runs],
        )


@dataclass(frozen=True)
class ForgetResults:
    """Delete the ledgers that some jobs made of a video. What people said of its lines holds for the next one."""

    records: RecordsIn

    async def __call__(self, event: Event[ResultsErased], work: UnitOfWork) -> None:
        """Erase their rows, queue the deletion of documents and exports. It is about the erasure, not the video."""
        records, fact = self.records(work), event.data
        await work.hold(fact.video_id)
        runs = [(job_id, run) for job_id, run in await records.jobs_of_video(fact.video_id) if job_id in fact.job_ids]
        rows = await records.erase_alignments(fact.job_ids)
        await records.lose(fact.job_ids, Step.SCENES)
        await queue_forgetting(
            work,
            step=Step.ALIGNMENT,
            about=fact.erasure_id,
            erasure_id=fact.erasure_id,
            rows=rows,
            folders=[folder_of(event.tenantid, job_id, run) for job_id, run in runs],
        )


@dataclass(frozen=True)
class ForgetTranscripts:
    """Know no more of transcripts that are deleted: nobody shall wait for them, or look for their words."""

    records: RecordsIn

    async def __call__(self, event: Event[TranscriptsErased], work: UnitOfWork) -> None:
        """Forget where they were."""
        fact = event.data
        await work.hold(fact.video_id)
        rows = {"steps": await self.records(work).lose(fact.job_ids, Step.TRANSCRIPT)}
        await queue_forgetting(work, step=Step.ALIGNMENT, about=fact.erasure_id, erasure_id=fact.erasure_id, rows=rows)
