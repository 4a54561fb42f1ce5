"""Hearing what people say of lines, and writing the ledgers and their exports again with it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from align.domain.places import folder_of, revision_folder
from align.ports import Alignment, Records, Reviews, ReviseFilm, RevisionOrder, Told
from align.usecases.sourcing import source_of
from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import LeaseLost, Task
from contracts.align import AlignmentRevised
from contracts.event import Event
from contracts.gateway import AlignmentCorrected
from contracts.steps import Step

__all__ = ["HearCorrections", "ReviseAlignment", "queue_revision"]

RecordsIn = Callable[[UnitOfWork], Records]
ReviewsIn = Callable[[UnitOfWork], Reviews]
_REVISION = re.compile(r"revision-(\d+)/")


async def queue_revision(work: UnitOfWork, video_id: UUID, job_id: UUID, run: int, revision: int) -> None:
    """Have an alignment written again. The task is no job's: one that is called off keeps what it has."""
    await work.enqueue(
        step=Step.ALIGNMENT,
        kind="revise",
        key=f"revise/{job_id}/{run}/{revision}",
        subject=video_id,
        priority="urgent",
        payload={"run": run, "job_id": str(job_id), "revision": revision},
    )


@dataclass(frozen=True)
class HearCorrections:
    """Remember what people say, and queue a revision of every alignment it concerns."""

    records: RecordsIn
    reviews: ReviewsIn

    async def __call__(self, event: Event[AlignmentCorrected], work: UnitOfWork) -> None:
        """One change. If those before it have not all been heard, whichever comes last queues the revisions."""
        fact, reviews = event.data, self.reviews(work)
        await work.hold(fact.video_id)
        records = self.records(work)
        if await records.is_erased(fact.video_id) or await records.is_script_erased(fact.script_id):
            return
        await reviews.hold(fact.video_id, fact.script_id)
        before = await reviews.told(fact.video_id, fact.script_id)
        await reviews.hear(fact)
        after = await reviews.told(fact.video_id, fact.script_id)
        if after.revision == before.revision:
            return
        for one in await reviews.alignments(fact.video_id, fact.script_id):
            await queue_revision(work, one.video_id, one.job_id, one.run, after.revision)


@dataclass(frozen=True)
class ReviseAlignment:
    """Write a ledger and its exports with the newest corrections, and say so."""

    database: Database
    records: RecordsIn
    reviews: ReviewsIn
    blobs: Blobs
    revise: ReviseFilm

    async def __call__(self, task: Task) -> None:
        """Do one task; one that an earlier task did along with its own is done."""
        try:
            await self._revise(task)
        except (LeaseLost, asyncio.CancelledError):
            async with self.database.begin(task.tenant_id) as work:
                erased = await self.records(work).is_erased(UUID(task.subject))
            if erased:  # perhaps just before ours was written
                await self.blobs.delete_prefix(folder_of(task.tenant_id, _job_of(task), task.payload["run"]))
            raise

    async def _revise(self, task: Task) -> None:
        job_id, run = _job_of(task), task.payload["run"]
        async with self.database.begin(task.tenant_id) as work:
            known = await self.reviews(work).alignment(job_id, run)
            told = await self.reviews(work).told(known.video_id, known.script_id) if known else Told(0, ())
        if known is None or known.revision >= told.revision:
            async with task.finish():
                return
        revised = await task.run(self.revise, await self._order(task, known, told))
        folder = revision_folder(task.tenant_id, job_id, run, told.revision)
        await self.blobs.put_bytes(folder + "ledger.json", revised.ledger.model_dump_json().encode())
        for name, content in revised.exports.values():
            await self.blobs.put_bytes(folder + name, content)
        fact = AlignmentRevised(
            video_id=known.video_id,
            script_id=known.script_id,
            run=run,
            revision=told.revision,
            key=folder + "ledger.json",
            exports={kind: folder + name for kind, (name, _) in revised.exports.items()},
            conflicts=revised.conflicts,
        )
        async with task.finish() as work:
            if await self.reviews(work).revise(job_id, run, revision=told.revision, key=fact.key):
                await work.announce(fact, subject=fact.video_id, job_id=job_id)
            stands = await self.reviews(work).alignment(job_id, run) is not None
        if not stands:  # deleted while this was written
            await self.blobs.delete_prefix(folder_of(task.tenant_id, job_id, run))
            return
        await self._forget_older(folder_of(task.tenant_id, job_id, run), known.revision)

    async def _order(self, task: Task, known: Alignment, told: Told) -> RevisionOrder:
        async with self.database.begin(task.tenant_id) as work:
            records = self.records(work)
            script, video = await records.script(known.script_id), await records.video(known.video_id)
            transcript, scenes = await records.transcript(known.job_id), await records.scenes(known.job_id)
            runs = await records.requests(known.job_id)
        return RevisionOrder(
            ledger=await self.blobs.get_bytes(known.machine_key),
            corrections=told.corrections,
            title=script.filename if script else "",
            transcript=(await self._left(transcript.key) if transcript else None) or b"",
            scenes=await self._left(scenes.key) if scenes else None,
            source=source_of(video, runs, known.run),
        )

    async def _left(self, key: str) -> bytes | None:
        """A document, or None: transcripts and scenes may be deleted while a ledger that was made of them stays."""
        try:
            return await self.blobs.get_bytes(key)
        except BlobNotFound:
            return None

    async def _forget_older(self, folder: str, kept: int) -> None:
        """Delete what was written before the revision that readers may still be at."""
        found = [_REVISION.search(key) async for key in self.blobs.list(f"{folder}revision-")]
        for revision in {int(match.group(1)) for match in found if match}:
            if revision < kept:
                await self.blobs.delete_prefix(f"{folder}revision-{revision}/")


def _job_of(task: Task) -> UUID:
    return UUID(task.payload["job_id"])
