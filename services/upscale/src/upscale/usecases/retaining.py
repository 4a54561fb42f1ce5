"""Deleting what a tenant does not keep for longer: renditions, and what was kept in case a job is asked for again."""

from dataclasses import dataclass

from chassis.database import UnitOfWork
from chassis.erasing import queue_forgetting
from contracts.event import Event
from contracts.retention import IntermediatesErased, RenditionsErased
from contracts.steps import Step
from upscale.domain.keys import results, scratch
from upscale.usecases.joining import RecordsIn

__all__ = ["ForgetIntermediates", "ForgetRenditions"]


@dataclass(frozen=True)
class ForgetRenditions:
    """Delete the films that some jobs made of a video; the video, and what other jobs made of it, stays."""

    records: RecordsIn

    async def __call__(self, event: Event[RenditionsErased], work: UnitOfWork) -> None:
        """Erase their plans and chunks, queue the deletion of the films. It is about the erasure, not the video."""
        records, fact = self.records(work), event.data
        await records.lock_video(fact.video_id)
        runs = [(job_id, run) for job_id, run in await records.runs(fact.video_id) if job_id in fact.job_ids]
        folders = [
            folder
            for job_id, run in runs
            for folder in (results(event.tenantid, job_id, run), scratch(event.tenantid, job_id))
        ]
        await queue_forgetting(
            work,
            step=Step.UPSCALE,
            about=fact.erasure_id,
            erasure_id=fact.erasure_id,
            rows=await records.erase_renditions(fact.job_ids),
            folders=list(dict.fromkeys(folders)),
        )


@dataclass(frozen=True)
class ForgetIntermediates:
    """Delete the chunks that are kept for jobs that failed: asked for again, they are made anew."""

    records: RecordsIn

    async def __call__(self, event: Event[IntermediatesErased], work: UnitOfWork) -> None:
        """Forget which chunks were made, queue the deletion of them and their plans."""
        records, fact = self.records(work), event.data
        await records.lock_video(fact.video_id)
        jobs = dict.fromkeys(job_id for job_id, _ in await records.runs(fact.video_id) if job_id in fact.job_ids)
        await records.discard_chunks_of(list(jobs))
        await queue_forgetting(
            work,
            step=Step.UPSCALE,
            about=fact.erasure_id,
            erasure_id=fact.erasure_id,
            rows={},
            folders=[scratch(event.tenantid, job_id) for job_id in jobs],
        )
