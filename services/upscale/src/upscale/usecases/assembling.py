"""Joins the chunks once all are there, and gives out the rendition if it is the same film."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.erasing.leftovers import queue_discarding
from chassis.work import LeaseLost, Task
from contracts.documents import ChunkReport, QualityReport
from contracts.event import Event
from contracts.steps import Step
from contracts.upscale import ChunkReady, PoolShare, UpscalePool, VideoUpscaled
from upscale.domain.keys import chunk_key, results, scratch
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.price import Price
from upscale.domain.progress import assembling
from upscale.domain.refusals import ChunkDamaged, RenditionRejected
from upscale.ports import Assemble, Assembled, AssemblyOrder, ChunkRow, PlanRow
from upscale.usecases.accepting import conclude
from upscale.usecases.forgetting import tidy_if_unwanted
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.making import plan_of

__all__ = ["AssembleRendition", "JoinChunks"]


@dataclass(frozen=True)
class JoinChunks:
    """Queue the joining when the last chunk is ready. Two last chunks at once still queue it once, by its key."""

    records: RecordsIn
    machines: MachinesIn

    async def __call__(self, event: Event[ChunkReady], work: UnitOfWork) -> None:
        """Look whether any chunk is missing; this runs after the chunk's commit, so nothing is overlooked."""
        if event.jobid is None:
            return
        records, run = self.records(work), event.data.run
        plan = await records.plan(event.jobid, run)
        if plan is None or await records.newest_run(event.jobid) != run:
            return
        await conclude(work, records, self.machines(work.connection), plan)


@dataclass(frozen=True)
class AssembleRendition:
    """Join, check, and say that the film is upscaled."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    assemble: Assemble
    price: Price | None = None

    async def __call__(self, task: Task) -> None:
        """Do one task. A film that fails its check leaves its report and nothing else."""
        try:
            await self._assemble(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.records, self.blobs)
            raise

    async def _assemble(self, task: Task) -> None:
        row, plan = await plan_of(task, self.database, self.records, self.blobs)
        async with self.database.begin(task.tenant_id) as work:
            chunks = await self.records(work).chunks(row.job_id, row.manifest_sha256)
        folder = results(task.tenant_id, row.job_id, row.run)
        with tempfile.TemporaryDirectory(prefix="upscale-", ignore_cleanup_errors=True) as place:
            target = Path(place) / f"rendition.{plan.encoding.container}"
            assembled = await self._assembled(task, row, plan, chunks, target)
            await self.blobs.put_bytes(f"{folder}qc.json", assembled.report.model_dump_json(indent=2).encode())
            await self.blobs.put_bytes(f"{folder}qc.html", assembled.page.encode())
            if not assembled.report.passed:
                raise RenditionRejected("the result is not the same film: " + "; ".join(assembled.report.failures))
            await self.blobs.put_file(f"{folder}{target.name}", target)
        upscaled = _announcement(row, chunks, folder, assembled)
        async with task.finish() as work:
            await self.records(work).discard_chunks(row.job_id, row.manifest_sha256, [chunk.index for chunk in chunks])
            await queue_discarding(
                work,
                step=Step.UPSCALE,
                about=row.video_id,
                key=f"done/{row.job_id}/{row.run}",
                folders=[_scratch(task, row.job_id)],
                priority="bulk",
            )
            await work.announce(upscaled, subject=row.video_id, job_id=row.job_id)

    async def _assembled(
        self, task: Task, row: PlanRow, plan: Plan, chunks: Sequence[ChunkRow], target: Path
    ) -> Assembled:
        async def tell(fraction: float, message: str) -> None:
            await task.progress(assembling(fraction), message)

        async with AsyncExitStack() as stack:
            try:
                source = await stack.enter_async_context(self.blobs.local(row.original_key))
                files = [(await self._local(stack, chunk), self._report(task, row, plan, chunk)) for chunk in chunks]
                spans = tuple(ChunkSpan(start=chunk.start, end=chunk.end) for chunk in chunks)
                currency = self.price.currency if self.price else ""
                whole = plan.model_copy(update={"chunks": spans})
                order = AssemblyOrder(source, whole, tuple(files), target, currency)
                return await task.run_with(self.assemble, order, on_progress=tell)
            except ChunkDamaged as damaged:
                async with self.database.begin(task.tenant_id) as work:
                    await self.records(work).discard_chunks(row.job_id, row.manifest_sha256, damaged.indexes)
                raise

    def _report(self, task: Task, row: PlanRow, plan: Plan, chunk: ChunkRow) -> ChunkReport:
        """What is known of a chunk. A runner's machine is not the operator's, and costs nothing here."""
        ours = chunk.key == chunk_key(task.tenant_id, row.job_id, row.manifest_sha256, chunk.index)
        return ChunkReport(
            index=chunk.index,
            frames=chunk.end - chunk.start,
            machine=f"{chunk.machine} ({chunk.engine})",
            attempts=chunk.attempts,
            seconds=chunk.seconds,
            sha256=chunk.sha256,
            start_frame=chunk.start,
            engine=chunk.engine,
            plain=plan.is_plain(ChunkSpan(start=chunk.start, end=chunk.end)),
            cost=self.price.of(chunk.seconds if ours else 0.0) if self.price else None,
        )

    async def _local(self, stack: AsyncExitStack, chunk: ChunkRow) -> Path:
        try:
            if chunk.key is not None:
                return await stack.enter_async_context(self.blobs.local(chunk.key))
        except BlobNotFound:
            pass
        raise ChunkDamaged(f"chunk {chunk.index} is not stored any more; retry the step", (chunk.index,))


def _announcement(row: PlanRow, chunks: Sequence[ChunkRow], folder: str, assembled: Assembled) -> VideoUpscaled:
    report = assembled.report
    return VideoUpscaled(
        video_id=row.video_id,
        run=row.run,
        rendition_key=f"{folder}rendition.{report.container}",
        qc_key=f"{folder}qc.json",
        page_key=f"{folder}qc.html",
        width=report.width,
        height=report.height,
        frames=report.frames_out,
        sharpened_frames=report.sharpened_frames,
        sharpened_seconds=round(sum(chunk.seconds for chunk in report.chunks if not chunk.plain), 3),
        passed=report.passed,
        engine=", ".join(dict.fromkeys(chunk.engine for chunk in chunks)),
        model_sha256=row.model_sha256,
        seconds=round(row.seconds + sum(chunk.seconds for chunk in chunks) + assembled.seconds, 3),
        pools=_shares(chunks, report),
    )


def _shares(chunks: Sequence[ChunkRow], report: QualityReport) -> tuple[PoolShare, ...]:
    """What each kind of machine sharpened, by which work is priced and the next one estimated."""
    frame_megapixels = report.width * report.height / 1e6
    plain = {chunk.index for chunk in report.chunks if chunk.plain}
    shares = []
    for pool in get_args(UpscalePool):
        its = [chunk for chunk in chunks if chunk.pool == pool and chunk.index not in plain]
        if its:
            seconds = round(sum(chunk.seconds for chunk in its), 3)
            megapixels = round(sum(chunk.end - chunk.start for chunk in its) * frame_megapixels, 6)
            shares.append(PoolShare(pool=pool, seconds=seconds, megapixels=megapixels))
    return tuple(shares)


def _scratch(task: Task, job_id: UUID) -> str:
    return scratch(task.tenant_id, job_id)
