"""Checks what a runner handed in, and takes it if it is good. The first verified result of a chunk wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, Task
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.refusals import ChunkUnsound, Refusal
from upscale.ports import ChunkRow, PlanRow
from upscale.ports.runners import Check, Checked, CheckOrder, Standing
from upscale.usecases.accepting import accept
from upscale.usecases.dispatching import ByPolicy
from upscale.usecases.failing import SettleFailure
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.lookout import Lookout
from upscale.usecases.making import plan_of
from upscale.usecases.pacing import PacesIn, learn_from_lease, seconds_of
from upscale.usecases.planning import errand_for
from upscale.usecases.runners import announce_runner

__all__ = ["VerifyChunk"]


@dataclass(frozen=True)
class VerifyChunk:
    """Nothing that a runner says is believed."""

    database: Database
    records: RecordsIn
    machines: MachinesIn
    paces: PacesIn
    blobs: Blobs
    check: Check
    dispatch: ByPolicy
    failure: SettleFailure
    lookout: Lookout

    async def __call__(self, task: Task) -> None:
        """Do one task."""
        row, plan = await plan_of(task, self.database, self.records, self.blobs)
        async with self.database.begin(task.tenant_id) as work:
            standing = await self._standing(task, work)
            chunks = await self.records(work).chunks(row.job_id, row.manifest_sha256)
        chunk = next(chunk for chunk in chunks if chunk.index == standing.offer.index)
        if standing.lease.state != "uploaded":
            return
        try:
            checked = await self._checked(task, row, plan, chunk, standing)
            _must_fit(checked, chunks)
        except (ChunkUnsound, Refusal, BlobNotFound) as unsound:
            await self._reject(task, str(unsound))
            return
        await self._take(task, row, plan, chunk, checked)
        self.lookout.wake()

    async def gave_up(self, task: Task, failure: Failure, work: UnitOfWork) -> None:
        """It could not be checked: as if it had not come, and nobody is to blame."""
        standing = await self._standing(task, work)
        if standing.lease.state == "uploaded":
            await self.failure(work, standing, reason="unknown", detail=failure.detail, ending="lapsed")

    async def _checked(self, task: Task, row: PlanRow, plan: Plan, chunk: ChunkRow, standing: Standing) -> Checked:
        report = standing.lease.report
        part = plan.part(ChunkSpan(start=chunk.start, end=chunk.start + report["frames"]))

        async def quietly(_fraction: float, _message: str) -> None: ...

        async with self.blobs.local(row.original_key) as source, self.blobs.local(standing.lease.output_key) as made:
            order = CheckOrder(source, made, part, report["sha256"], report["bytes"])
            return await task.run_with(self.check, order, on_progress=quietly)

    async def _take(self, task: Task, row: PlanRow, plan: Plan, chunk: ChunkRow, checked: Checked) -> None:
        async with task.finish() as work:
            machines, records = self.machines(work.connection), self.records(work)
            standing = await self._standing(task, work)
            lease, offer, report = standing.lease, standing.offer, standing.lease.report
            at, rest = chunk.start + checked.frames, None
            if standing.wanted and at < chunk.end:
                rest = await records.split_chunk(row.job_id, row.manifest_sha256, chunk.index, at)
                row = await records.plan(row.job_id, row.run) or row
            runner = await machines.runner(lease.runner_id)
            made = ChunkRow(
                index=chunk.index,
                start=chunk.start,
                end=at,
                key=lease.output_key,
                sha256=checked.sha256,
                engine=report["encoder"],
                machine=runner.name if runner else "unknown",
                attempts=lease.token,
                seconds=seconds_of(lease),
                setup_sha256=checked.setup_sha256,
                pool="colab",
            )
            whole_or_split = at == chunk.end or rest is not None
            won = standing.wanted and whole_or_split and await accept(work, records, machines, row, made)
            await machines.settle(lease.chunk_id, lease.token, "accepted" if won else "superseded")
            await machines.credit(lease.runner_id, failed=False)
            if won and runner is not None:
                await learn_from_lease(self.paces(work.connection), runner, lease, offer, frames=checked.frames)
            if won and rest is not None:
                errand = errand_for(plan, rest, priority=offer.priority, policy=offer.policy)
                await self.dispatch(work, row, [(rest, errand)], offer.policy)
        await self._tell_of(lease.runner_id)

    async def _tell_of(self, runner_id: UUID) -> None:
        """Let people see what a machine has done; in a commit of its own, for it may be another tenant's."""
        async with self.database.begin_untenanted() as connection:
            runner = await self.machines(connection).runner(runner_id)
        if runner is not None and runner.online:
            async with self.database.begin(runner.tenant_id) as work:
                await announce_runner(work, runner, "online")

    async def _reject(self, task: Task, why: str) -> None:
        async with task.finish() as work:
            standing = await self._standing(task, work)
            await self.failure(work, standing, reason="bad_chunk", detail=why, ending="rejected")
            runner = await self.machines(work.connection).runner(standing.lease.runner_id)
        if runner is not None:
            await self.failure.blame(runner, reason="bad_chunk", detail=why)
        self.lookout.wake()

    async def _standing(self, task: Task, work: UnitOfWork) -> Standing:
        chunk_id, token = UUID(task.payload["chunk_id"]), task.payload["token"]
        standing = await self.machines(work.connection).standing(chunk_id, token, None)
        if standing is None:
            raise LookupError(f"chunk {chunk_id} has no lease {token}")
        return standing


def _must_fit(checked: Checked, chunks: Sequence[ChunkRow]) -> None:
    """Raises ChunkUnsound for a chunk that could not be joined with those that are there already."""
    known = {chunk.setup_sha256 for chunk in chunks if chunk.key and chunk.setup_sha256}
    if known and checked.setup_sha256 not in known:
        raise ChunkUnsound("it was encoded differently than the other chunks: another version of the encoder perhaps")
