"""Makes one chunk on this machine."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chassis.blobs import Blobs
from chassis.database import Database
from chassis.work import LeaseLost, Task
from contracts.upscale import ChunkReady
from upscale.domain.keys import chunk_key
from upscale.domain.plan import Plan
from upscale.domain.progress import enhancing
from upscale.ports import ChunkMade, ChunkOrder, ChunkRow, Make, PlanRow, Workshop
from upscale.usecases.forgetting import tidy_if_unwanted
from upscale.usecases.joining import RecordsIn
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

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless the chunk is verified and stored."""
        try:
            await self._make(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.records, self.blobs)
            raise

    async def _make(self, task: Task) -> None:
        row, plan = await plan_of(task, self.database, self.records, self.blobs)
        index = task.payload["index"]
        key = chunk_key(task.tenant_id, row.job_id, row.manifest_sha256, index)
        with tempfile.TemporaryDirectory(prefix="upscale-", ignore_cleanup_errors=True) as folder:
            target = Path(folder) / "chunk.mp4"
            async with self.blobs.local(row.original_key) as source:
                order = ChunkOrder(source, plan, index, target, self.workshop, task.attempt)
                made = await task.run_with(self.make, order, on_progress=self._teller(task, row, plan))
            await self.blobs.put_file(key, target)
        ready = ChunkReady(
            video_id=row.video_id,
            run=row.run,
            index=index,
            chunks=row.chunks,
            key=key,
            frames=made.frames,
            sha256=made.sha256,
        )
        async with task.finish() as work:
            chunk = _finished(plan, index, key, made, attempts=task.attempt)
            await self.records(work).complete_chunk(row.job_id, row.manifest_sha256, chunk)
            await work.announce(ready, subject=row.video_id, job_id=row.job_id)

    def _teller(self, task: Task, row: PlanRow, plan: Plan) -> Callable[[float, str], Awaitable[None]]:
        """Tell how far the whole step is: the frames of this chunk and of all others, wherever those are made."""
        index = task.payload["index"]
        frames = plan.chunks[index].frames
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


def _finished(plan: Plan, index: int, key: str, made: ChunkMade, *, attempts: int) -> ChunkRow:
    span = plan.chunks[index]
    return ChunkRow(
        index=index,
        start=span.start,
        end=span.end,
        key=key,
        sha256=made.sha256,
        engine=made.engine,
        machine=made.machine,
        attempts=attempts,
        seconds=made.seconds,
    )
