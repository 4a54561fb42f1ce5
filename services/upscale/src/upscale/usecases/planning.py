"""Plans a rendition, and queues the chunks that are not made yet."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Task
from contracts.gateway import UpscaleOptions
from contracts.steps import Step
from contracts.upscale import ChunkReady
from upscale.domain.encoding import Encoding, encoding_for
from upscale.domain.keys import plan_key
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.progress import planning
from upscale.domain.runners import Policy
from upscale.ports import ChunkRow, Draw, PlanOrder, PlanRow, Records, Workshop
from upscale.ports.runners import Errand, Priority
from upscale.usecases.dispatching import ByPolicy
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.selecting import chosen_in

__all__ = ["PlanRendition", "errand_for", "job_of", "queue_assembly"]


@dataclass(frozen=True)
class PlanRendition:
    """Index a video, decide its chunks, and queue those a former run of the job did not make already."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    draw: Draw
    encoding: Encoding
    chunk_megapixels: Callable[[Task, UpscaleOptions], Awaitable[float]]
    """Megapixels of source that a chunk of a job holds."""
    machines: MachinesIn
    dispatch: ByPolicy
    workshop: Workshop

    async def __call__(self, task: Task) -> None:
        """Do one task. The plan is stored before anybody hears of it."""
        began = time.monotonic()
        megapixels = await self.chunk_megapixels(task, UpscaleOptions.model_validate(task.payload["options"]))
        plan = await self._drawn(task, megapixels)
        key = plan_key(task.tenant_id, job_of(task), plan.manifest_sha256)
        await self.blobs.put_bytes(key, plan.model_dump_json().encode())
        known, made = await self._made(task, plan)
        row = PlanRow(
            job_id=job_of(task),
            run=task.payload["run"],
            video_id=UUID(task.subject),
            original_key=task.payload["original_key"],
            manifest_sha256=plan.manifest_sha256,
            plan_key=key,
            frames=plan.frames,
            chunks=max(known, len(plan.chunks)),
            model_sha256=plan.model_sha256,
            seconds=round(time.monotonic() - began, 3),
            chunk_megapixels=megapixels,
        )
        spans = [ChunkRow(index, span.start, span.end) for index, span in enumerate(plan.chunks)]
        async with task.finish() as work:
            records = self.records(work)
            await records.add_plan(row, spans)
            await _forget_lost(records, row, made)
            rows = await records.chunks(row.job_id, row.manifest_sha256)  # an earlier run may have cut some in two
            await _announce_made(work, row, rows)
            await self.machines(work.connection).withdraw(job_id=row.job_id, before_run=row.run)
            missing = [chunk for chunk in rows if chunk.key is None]
            sharp = [chunk for chunk in missing if not plan.is_plain(ChunkSpan(start=chunk.start, end=chunk.end))]
            plain = [chunk for chunk in missing if chunk not in sharp]
            await self.dispatch(work, row, self._errands(task, plan, sharp, _policy(task)), _policy(task))
            await self.dispatch(work, row, self._errands(task, plan, plain, "gpu"), "gpu")  # no work for a lent GPU

    def _errands(
        self, task: Task, plan: Plan, rows: Sequence[ChunkRow], policy: Policy
    ) -> list[tuple[ChunkRow, Errand]]:
        priority = task.payload["priority"]
        return [(row, errand_for(plan, row, priority=priority, policy=policy)) for row in rows]

    async def _drawn(self, task: Task, megapixels: float) -> Plan:
        options, warnings = await chosen_in(self.blobs, task.payload)
        encoding = encoding_for(
            self.encoding,
            codec=options.codec,
            crf=options.crf,
            preset=options.preset,
            container=options.container,
        )

        async def tell(fraction: float, message: str) -> None:
            await task.progress(planning(fraction), message)

        async with self.blobs.local(task.payload["original_key"]) as source:
            order = PlanOrder(
                source,
                task.payload["source_sha256"],
                options,
                encoding,
                megapixels,
                warnings,
                models_dir=self.workshop.models_dir,
                engine=self.workshop.engine,
            )
            return await task.run_with(self.draw, order, on_progress=tell)

    async def _made(self, task: Task, plan: Plan) -> tuple[int, dict[int, ChunkRow]]:
        """How many chunks this very manifest has, and those that an earlier run made: keyless if they are lost."""
        async with self.database.begin(task.tenant_id) as work:
            known = await self.records(work).chunks(job_of(task), plan.manifest_sha256)
        made = {row.index: row if await self._exists(row) else replace(row, key=None) for row in known if row.key}
        return len(known), made

    async def _exists(self, row: ChunkRow) -> bool:
        try:
            return row.key is not None and (await self.blobs.stat(row.key)).size > 0
        except BlobNotFound:
            return False


def _policy(task: Task) -> Policy:
    return UpscaleOptions.model_validate(task.payload["options"]).dispatch


async def _forget_lost(records: Records, plan: PlanRow, made: dict[int, ChunkRow]) -> None:
    lost = [index for index, row in made.items() if row.key is None]
    if lost:
        await records.discard_chunks(plan.job_id, plan.manifest_sha256, lost)


async def _announce_made(work: UnitOfWork, plan: PlanRow, rows: Sequence[ChunkRow]) -> None:
    """A fact for each chunk that is there, and the end if none is missing."""
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
    if all(row.key is not None for row in rows):
        await queue_assembly(work, plan)


def errand_for(plan: Plan, row: ChunkRow, *, priority: Priority, policy: Policy) -> Errand:
    """How a chunk of a plan is wanted."""
    start_s, end_s = plan.seconds(ChunkSpan(start=row.start, end=row.end))
    width, height = plan.size
    return Errand(priority, policy, start_s, end_s, frame_megapixels=width * height / 1e6)


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
