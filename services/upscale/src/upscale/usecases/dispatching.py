"""Gives chunks to machines: the pool of workers, runners that come and go, or whichever is free first."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import UnitOfWork
from contracts import uuid7
from contracts.steps import Step
from upscale.domain.runners import Policy
from upscale.ports import ChunkRow, PlanRow
from upscale.ports.runners import Dispatcher, Errand, Intervals, Offer
from upscale.usecases.joining import MachinesIn

__all__ = ["ByPolicy", "LeaseDispatcher", "PoolDispatcher"]


class PoolDispatcher:
    """Workers of this service: tasks on its work stream, wherever its replicas run."""

    async def send(self, work: UnitOfWork, plan: PlanRow, chunk: ChunkRow, errand: Errand) -> None:
        """Queue a task, once for each time that a chunk comes back to the pool."""
        again = f"/{errand.token}" if errand.token else ""
        await work.enqueue(
            step=Step.UPSCALE,
            kind="chunk",
            key=f"{plan.job_id}/{Step.UPSCALE}/{plan.run}/chunk/{chunk.index:06d}{again}",
            subject=plan.video_id,
            job_id=plan.job_id,
            priority=errand.priority,
            payload={"run": plan.run, "index": chunk.index},
        )


@dataclass(frozen=True)
class LeaseDispatcher:
    """Runners, who ask for work and hold it by a lease."""

    machines: MachinesIn
    intervals: Intervals

    async def send(self, work: UnitOfWork, plan: PlanRow, chunk: ChunkRow, errand: Errand) -> None:
        """Offer the chunk; one that anybody may make goes to the pool too when no runner takes it in time."""
        offer = Offer(
            chunk_id=uuid7(),
            tenant_id=work.tenant_id,
            job_id=plan.job_id,
            run=plan.run,
            video_id=plan.video_id,
            manifest_sha256=plan.manifest_sha256,
            index=chunk.index,
            frames=chunk.end - chunk.start,
            model_sha256=plan.model_sha256,
            policy=errand.policy,
            priority=errand.priority,
            start_s=errand.start_s,
            end_s=errand.end_s,
            frame_megapixels=errand.frame_megapixels,
        )
        patience = self.intervals.patience_s if errand.policy == "auto" else None
        await self.machines(work.connection).offer(offer, to_pool_after_s=patience)


@dataclass(frozen=True)
class ByPolicy:
    """Both of them, as a job asks for it."""

    pool: Dispatcher
    leases: Dispatcher
    machines: MachinesIn
    lent: bool
    """Whether runners can reach this service at all."""

    def choose(self, policy: Policy) -> Policy:
        """What can be done of what was asked for: without runners there is the pool alone."""
        return policy if self.lent else "gpu"

    async def __call__(
        self, work: UnitOfWork, plan: PlanRow, chunks: Sequence[tuple[ChunkRow, Errand]], policy: Policy
    ) -> None:
        """Have these chunks made.

        ``auto``: as many as there are idle runners are kept for these for a moment; the rest may be made by runner and
        worker alike, whoever takes it first.
        """
        chosen = self.choose(policy)
        kept = 0
        if chosen == "auto":
            kept = await self.machines(work.connection).idle(work.tenant_id, model_sha256=plan.model_sha256)
        for number, (chunk, errand) in enumerate(chunks):
            if chosen != "gpu":
                await self.leases.send(work, plan, chunk, errand)
            if chosen == "gpu" or (chosen == "auto" and number >= kept):
                await self.pool.send(work, plan, chunk, errand)
