"""Aligning a film with its script, once all it builds on is there."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from align.domain.places import folder_of
from align.ports import Aligned, AlignFilm, FilmOrder, Records, Reviews, Told, Tools
from align.usecases.reviewing import queue_revision
from align.usecases.sourcing import source_of
from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import LeaseLost, Task
from contracts.align import AlignmentReady

__all__ = ["AlignScript", "UnknownScript"]

RecordsIn = Callable[[UnitOfWork], Records]
ReviewsIn = Callable[[UnitOfWork], Reviews]
_CONTENT = "ledger.json"
_MACHINE = "machine.json"


class UnknownScript(LookupError):
    """The script of a queued alignment is not known any more."""

    reason = "unknown_script"


@dataclass(frozen=True)
class AlignScript:
    """Align a film with its script, store the ledger and its exports, and say so."""

    database: Database
    records: RecordsIn
    reviews: ReviewsIn
    blobs: Blobs
    align: AlignFilm
    tools: Tools

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless the documents are stored."""
        try:
            await self._align(task)
        except (LeaseLost, asyncio.CancelledError):
            # What was erased or called off may have been deleted just before ours was written.
            await self._tidy_if_unwanted(task)
            raise

    async def _align(self, task: Task) -> None:
        began = time.monotonic()
        told, aligned = await self._run(task)
        folder = folder_of(task.tenant_id, _job_of(task), task.payload["run"])
        await self.blobs.put_bytes(folder + _CONTENT, aligned.ledger.model_dump_json().encode())
        if aligned.machine is not None:
            await self.blobs.put_bytes(folder + _MACHINE, aligned.machine.model_dump_json().encode())
        for name, content in aligned.exports.values():
            await self.blobs.put_bytes(folder + name, content)
        fact = AlignmentReady(
            video_id=UUID(task.subject),
            script_id=UUID(task.payload["script_id"]),
            run=task.payload["run"],
            key=folder + _CONTENT,
            machine_key=folder + _MACHINE if aligned.machine is not None else None,
            revision=told.revision,
            conflicts=aligned.conflicts,
            exports={kind: folder + name for kind, (name, _) in aligned.exports.items()},
            script_matches=aligned.ledger.script_matches,
            coverage=aligned.ledger.coverage,
            lines=sum(line.number > 0 for line in aligned.ledger.lines),
            engine=aligned.ledger.engine,
            model_sha256=aligned.model_sha256,
            seconds=round(time.monotonic() - began, 3),
        )
        async with task.finish() as work:
            # Whoever corrects meanwhile waits here, or is seen here: no correction falls between.
            await self.reviews(work).hold(fact.video_id, fact.script_id)
            await self.records(work).add_alignment(_job_of(task), fact, aligned.ledger)
            await work.announce(fact, subject=fact.video_id, job_id=task.job_id)
            since = await self.reviews(work).told(fact.video_id, fact.script_id)
            if since.revision > told.revision:
                await queue_revision(work, fact.video_id, _job_of(task), fact.run, since.revision)

    async def _run(self, task: Task) -> tuple[Told, Aligned]:
        payload = task.payload
        async with self.database.begin(task.tenant_id) as work:
            told = await self.reviews(work).told(UUID(task.subject), UUID(payload["script_id"]))
            script = await self.records(work).script(UUID(payload["script_id"]))
            video = await self.records(work).video(UUID(task.subject))
            runs = await self.records(work).requests(_job_of(task))
        if script is None:
            raise UnknownScript(f"script {payload['script_id']} is not known. Submit it again, and retry the job.")
        order = FilmOrder(
            script=await self.blobs.get_bytes(script.key),
            script_format=script.read_as or script.format,
            title=script.filename,
            transcript=await self.blobs.get_bytes(payload["transcript_key"]),
            scenes=await self.blobs.get_bytes(payload["scenes_key"]) if payload["scenes_key"] else None,
            audio=None,
            source=source_of(video, runs, payload["run"]),
            tools=self.tools,
            corrections=told.corrections,
            columns=script.columns,
        )
        if payload["audio_key"] is None:
            return told, await task.run(self.align, order)
        async with self.blobs.local(payload["audio_key"]) as audio:
            return told, await task.run(self.align, order.with_audio(audio))

    async def _tidy_if_unwanted(self, task: Task) -> None:
        async with self.database.begin(task.tenant_id) as work:
            erased = await self.records(work).is_erased(UUID(task.subject))
        if erased or await task.is_cancelled():
            await self.blobs.delete_prefix(folder_of(task.tenant_id, _job_of(task), task.payload["run"]))


def _job_of(task: Task) -> UUID:
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for alignments")
    return task.job_id
