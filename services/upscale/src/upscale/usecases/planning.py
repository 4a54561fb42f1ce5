"""Plans a rendition, and queues the chunks that are not made yet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Task
from contracts.gateway import UpscaleOptions
from contracts.steps import Step
from contracts.upscale import ChunkReady
from upscale.domain.keys import plan_key
from upscale.domain.plan import Encoding, Plan
from upscale.domain.progress import planning
from upscale.ports import ChunkRow, Draw, PlanOrder, PlanRow, Records
from upscale.usecases.joining import RecordsIn

__all__ = ["PlanRendition", "job_of", "queue_assembly"]


@dataclass(frozen=True)
class PlanRendition:
    """Index a video, decide its chunks, and queue those a former run of the job did not make already."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    draw: Draw
    encoding: Encoding
    chunk_megapixels: float

    async def __call__(self, task: Task) -> None:
        """Do one task. The plan is stored before anybody hears of it."""
        began = time.monotonic()
        plan = await self._drawn(task)
        key = plan_key(task.tenant_id, job_of(task), plan.manifest_sha256)
        await self.blobs.put_bytes(key, plan.model_dump_json().encode())
        made = await self._made(task, plan)
        row = PlanRow(
            job_id=job_of(task),
            run=task.payload["run"],
            video_id=UUID(task.subject),
            original_key=task.payload["original_key"],
            manifest_sha256=plan.manifest_sha256,
            plan_key=key,
            frames=plan.frames,
            chunks=len(plan.chunks),
            model_sha256=plan.model_sha256,
            seconds=round(time.monotonic() - began, 3),
        )
        spans = [ChunkRow(index, span.start, span.end) for index, span in enumerate(plan.chunks)]
        async with task.finish() as work:
            records = self.records(work)
            await records.add_plan(row, spans)
            await _forget_lost(records, row, made)
            await _queue(work, row, task, [made.get(span.index, span) for span in spans])

    async def _drawn(self, task: Task) -> Plan:
        options = UpscaleOptions.model_validate(task.payload["options"])
        encoding = self.encoding.model_copy(update={"codec": options.codec, "crf": options.crf})

        async def tell(fraction: float, message: str) -> None:
            await task.progress(planning(fraction), message)

        async with self.blobs.local(task.payload["original_key"]) as source:
            order = PlanOrder(source, task.payload["source_sha256"], options, encoding, self.chunk_megapixels)
            return await task.run_with(self.draw, order, on_progress=tell)

    async def _made(self, task: Task, plan: Plan) -> dict[int, ChunkRow]:
        """Chunks of this very manifest that an earlier run made and whose bytes are still there; lost ones keyless."""
        async with self.database.begin(task.tenant_id) as work:
            known = await self.records(work).chunks(job_of(task), plan.manifest_sha256)
        return {row.index: row if await self._exists(row) else replace(row, key=None) for row in known if row.key}

    async def _exists(self, row: ChunkRow) -> bool:
        try:
            return row.key is not None and (await self.blobs.stat(row.key)).size > 0
        except BlobNotFound:
            return False


async def _forget_lost(records: Records, plan: PlanRow, made: dict[int, ChunkRow]) -> None:
    lost = [index for index, row in made.items() if row.key is None]
    if lost:
        await records.discard_chunks(plan.job_id, plan.manifest_sha256, lost)


async def _queue(work: UnitOfWork, plan: PlanRow, task: Task, rows: Sequence[ChunkRow]) -> None:
    """One task for each chunk that is missing, a fact for each that is there, and the end if none is missing."""
    for row in rows:
        if row.key is not None:
            ready = ChunkReady(
                video_id=plan.video_id,
                run=plan.run,
                index=row.index,
                chunks=plan.chunks,
                key=row.key,
                frames=row.end - row.start,
                sha256=row.sha256,
            )
            await work.announce(ready, subject=plan.video_id, job_id=plan.job_id)
            continue
        await work.enqueue(
            step=Step.UPSCALE,
            kind="chunk",
            key=f"{plan.job_id}/{Step.UPSCALE}/{plan.run}/chunk/{row.index:06d}",
            subject=plan.video_id,
            job_id=plan.job_id,
            priority=task.payload["priority"],
            payload={"run": plan.run, "index": row.index},
        )
    if all(row.key is not None for row in rows):
        await queue_assembly(work, plan)


async def queue_assembly(work: UnitOfWork, plan: PlanRow) -> None:
    """Queue the joining of the chunks, once per run however often it is asked for."""
    await work.enqueue(
        step=Step.UPSCALE,
        kind="assemble",
        key=f"{plan.job_id}/{Step.UPSCALE}/{plan.run}/assemble",
        subject=plan.video_id,
        job_id=plan.job_id,
        payload={"run": plan.run},
    )


def job_of(task: Task) -> UUID:
    """The job a task belongs to."""
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for upscaling")
    return task.job_id
