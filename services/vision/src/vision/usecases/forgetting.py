"""Forgetting what must be forgotten: jobs that were called off, videos, and what was found in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import UnitOfWork
from chassis.erasing import Eraser, queue_forgetting
from chassis.erasing.leftovers import queue_discarding
from chassis.work import Task
from contracts.event import Event
from contracts.gateway import JobCancelled, VideoErased
from contracts.retention import IntermediatesErased, ResultsErased
from contracts.steps import Step
from vision.domain.steps import DOCUMENTS, ours
from vision.ports import Records

__all__ = [
    "CancelJob",
    "ForgetIntermediates",
    "ForgetResults",
    "ForgetVideo",
    "RecordsIn",
    "SweepUp",
]

RecordsIn = Callable[[UnitOfWork], Records]


@dataclass(frozen=True)
class CancelJob:
    """Stop looking for a job that nobody waits for any more."""

    records: RecordsIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop what it asked for, its tasks, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        await work.hold(event.data.video_id)
        if await self.records(work).is_erased(event.data.video_id):
            return
        await self.records(work).cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        folders = [
            f"derived/{event.tenantid}/{event.jobid}/{step}-{payload['run']}/"
            for payload in stopped
            for step in payload["steps"]
        ]
        if folders:
            await queue_discarding(
                work,
                step=Step.SCENES,
                about=event.data.video_id,
                key=f"cancelled/{event.jobid}/{event.id}",
                folders=folders,
            )


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its documents and key frames."""
        records, video_id = self.records(work), event.data.video_id
        await work.hold(video_id)
        asked = await records.ever_requested(video_id)
        folders = [
            f"derived/{event.tenantid}/{job_id}/{step}-{request.run}/"
            for job_id, request in asked
            for step in ours(request.steps)
        ]
        await work.cancel_tasks(subject=video_id)
        rows = await records.erase_video(video_id, job_ids=[*event.data.job_ids, *(job_id for job_id, _ in asked)])
        erasure_id = event.data.erasure_id
        await queue_forgetting(
            work, step=Step.SCENES, about=video_id, erasure_id=erasure_id, rows=rows, folders=folders
        )


@dataclass(frozen=True)
class ForgetResults:
    """Delete the scenes and marks that some jobs found in a video; the video, and what other jobs found, stays."""

    records: RecordsIn

    async def __call__(self, event: Event[ResultsErased], work: UnitOfWork) -> None:
        """Erase their rows, queue the deletion of documents and key frames. It is about the erasure, not the video."""
        fact = event.data
        await work.hold(fact.video_id)
        folders = await _folders(self.records(work), event.tenantid, fact.video_id, fact.job_ids)
        rows = await self.records(work).erase_results(fact.job_ids)
        await queue_forgetting(
            work, step=Step.SCENES, about=fact.erasure_id, erasure_id=fact.erasure_id, rows=rows, folders=list(folders)
        )


@dataclass(frozen=True)
class ForgetIntermediates:
    """Delete what was written in a look that came to nothing: key frames of a folder that has no document."""

    records: RecordsIn

    async def __call__(self, event: Event[IntermediatesErased], work: UnitOfWork) -> None:
        """Queue it: which folders these are shows at the blobs."""
        fact = event.data
        await work.hold(fact.video_id)
        unless = await _folders(self.records(work), event.tenantid, fact.video_id, fact.job_ids)
        await queue_forgetting(
            work, step=Step.SCENES, about=fact.erasure_id, erasure_id=fact.erasure_id, rows={}, unless=unless
        )


async def _folders(records: Records, tenant_id: UUID, video_id: UUID, job_ids: Iterable[UUID]) -> dict[str, str]:
    """Where jobs left what they found in a video, and the document that ends each look."""
    wanted = set(job_ids)
    return {
        f"derived/{tenant_id}/{job_id}/{step}-{request.run}/": DOCUMENTS[step]
        for job_id, request in await records.ever_requested(video_id)
        if job_id in wanted
        for step in ours(request.steps)
    }


@dataclass(frozen=True)
class SweepUp:
    """Does what was queued to be forgotten; also where only the blobs tell what that is."""

    blobs: Blobs
    eraser: Eraser

    async def __call__(self, task: Task) -> None:
        """Delete what is there; what is gone already is fine."""
        if "unless" not in task.payload:
            await self.eraser(task)
            return
        came_to_nothing = [
            folder for folder, document in task.payload["unless"].items() if not await self._is_there(folder + document)
        ]
        await self.eraser.conclude(task, await self.eraser.delete(task, came_to_nothing))

    async def _is_there(self, key: str) -> bool:
        try:
            await self.blobs.stat(key)
        except BlobNotFound:
            return False
        return True
