"""Makes one chunk on this machine."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import LeaseLost, Task
from upscale.domain.keys import chunk_key
from upscale.domain.pacing import measured
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.progress import enhancing
from upscale.ports import ChunkMade, ChunkOrder, ChunkRow, Make, PlanRow, Workshop
from upscale.ports.pacing import MachineClass
from upscale.usecases.accepting import accept, conclude
from upscale.usecases.forgetting import tidy_if_unwanted
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.pacing import PacesIn
from upscale.usecases.planning import job_of

__all__ = ["MakeChunk", "plan_of"]

_TELL_EVERY_S = 1.0


@dataclass(frozen=True)
class MakeChunk:
    """Enhance the frames of one chunk, keep it, and say that it is ready."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    make: Make
    workshop: Workshop
    machines: MachinesIn
    paces: PacesIn
    kind: MachineClass
    """What kind of machine this one is."""

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless the chunk is verified and stored."""
        try:
            await self._make(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.records, self.blobs)
            raise

    async def _make(self, task: Task) -> None:
        row, plan = await plan_of(task, self.database, self.records, self.blobs)
        chunk = await self._taken(task, row)
        if chunk is None:
            async with task.finish() as work:  # made by somebody else, who may not have known that this run waits
                await conclude(work, self.records(work), self.machines(work.connection), row)
            return
        key = chunk_key(task.tenant_id, row.job_id, row.manifest_sha256, chunk.index)
        part = plan.part(ChunkSpan(start=chunk.start, end=chunk.end))
        with tempfile.TemporaryDirectory(prefix="upscale-", ignore_cleanup_errors=True) as folder:
            target = Path(folder) / "chunk.mp4"
            async with self.blobs.local(row.original_key) as source:
                order = ChunkOrder(source, part, 0, target, await self._workshop(task, row), task.attempt)
                made = await task.run_with(self.make, order, on_progress=self._teller(task, row, chunk))
            await self.blobs.put_file(key, target)
        async with task.finish() as work:
            finished = _finished(chunk, key, made, attempts=task.attempt, pool=self.kind.pool)
            won = await accept(work, self.records(work), self.machines(work.connection), row, finished)
            if won and not plan.is_plain(ChunkSpan(start=chunk.start, end=chunk.end)):
                await self._learn(work, plan, row, made)

    async def _workshop(self, task: Task, row: PlanRow) -> Workshop:
        """Ours, with tiles no larger than machines like this one had memory for."""
        async with self.database.begin(task.tenant_id) as work:
            known = (await self.paces(work.connection).of(self.kind, [row.model_sha256])).get(row.model_sha256)
        if known is None or known.tile_pixels is None:
            return self.workshop
        return replace(self.workshop, tile_pixels=min(self.workshop.tile_pixels, known.tile_pixels))

    async def _learn(self, work: UnitOfWork, plan: Plan, row: PlanRow, made: ChunkMade) -> None:
        """How fast this machine was; and the tile it had memory for, should memory have run out."""
        paces, (width, height) = self.paces(work.connection), plan.size
        pace = measured(made.seconds, made.frames * width * height / 1e6)
        if pace is not None:
            await paces.note(self.kind, row.model_sha256, pace)
        if made.tile_pixels is not None:
            await paces.note_tile(self.kind, row.model_sha256, made.tile_pixels)

    async def _taken(self, task: Task, row: PlanRow) -> ChunkRow | None:
        """The chunk, unless it is made already or in a runner's hands."""
        index = task.payload["index"]
        async with self.database.begin(task.tenant_id) as work:
            chunks = await self.records(work).chunks(row.job_id, row.manifest_sha256)
            ours = await self.machines(work.connection).take_for_pool(row.job_id, row.run, index)
        chunk = next(chunk for chunk in chunks if chunk.index == index)
        return chunk if ours and chunk.key is None else None

    def _teller(self, task: Task, row: PlanRow, chunk: ChunkRow) -> Callable[[float, str], Awaitable[None]]:
        """Tell how far the whole step is: the frames of this chunk and of all others, wherever those are made."""
        index, frames = chunk.index, chunk.end - chunk.start
        told_at = float("-inf")

        async def tell(fraction: float, _message: str) -> None:
            nonlocal told_at
            now = time.monotonic()
            if now - told_at < _TELL_EVERY_S and fraction < 1:
                return
            told_at = now
            async with self.database.begin(task.tenant_id) as work:
                done = await self.records(work).add_progress(row.job_id, row.manifest_sha256, index, fraction * frames)
            await task.progress(enhancing(done, row.frames), f"frame {round(done)} of {row.frames}")

        return tell


async def plan_of(task: Task, database: Database, records: RecordsIn, blobs: Blobs) -> tuple[PlanRow, Plan]:
    """What was planned for the run that a task belongs to."""
    async with database.begin(task.tenant_id) as work:
        row = await records(work).plan(job_of(task), task.payload["run"])
    if row is None:
        raise LookupError(f"run {task.payload['run']} of job {task.job_id} has no plan")
    return row, Plan.model_validate_json(await blobs.get_bytes(row.plan_key))


def _finished(chunk: ChunkRow, key: str, made: ChunkMade, *, attempts: int, pool: str) -> ChunkRow:
    return replace(
        chunk,
        key=key,
        sha256=made.sha256,
        engine=made.engine,
        machine=made.machine,
        attempts=attempts,
        seconds=made.seconds,
        setup_sha256=made.setup_sha256,
        pool=pool,
    )
