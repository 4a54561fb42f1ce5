"""What becomes of a chunk that a machine could not make: another machine, the other kind of machine, or its end."""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.work import Failure, Task
from upscale.domain.runners import burns, is_poison
from upscale.ports import ChunkRow
from upscale.ports.runners import Dispatcher, Errand, Intervals, Offer, Runner, Standing
from upscale.usecases.accepting import conclude
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.planning import job_of
from upscale.usecases.refusing import announce_failure
from upscale.usecases.runners import announce_runner

__all__ = ["PoolFailed", "SettleFailure"]

BY_OPERATOR = "cancelled_by_operator"
"""The reason of a task that an operator called off: runners shall not go on with it either."""
_POOL = UUID(int=0)
"""The pool, among the machines that failed on a chunk."""
Ending = Literal["failed", "rejected", "lapsed"]


@dataclass(frozen=True)
class SettleFailure:
    """Gives a chunk to the next machine, or isolates it: the rest of the film goes on."""

    database: Database
    records: RecordsIn
    machines: MachinesIn
    pool: Dispatcher
    intervals: Intervals

    async def __call__(
        self, work: UnitOfWork, standing: Standing, *, reason: str, detail: str, ending: Ending = "failed"
    ) -> None:
        """End a lease and decide, in this transaction, which is the chunk's tenant's.

        A machine that vanished costs the chunk a try, for it may have been the chunk that killed it; but it is not
        among those that failed.
        """
        machines, lease = self.machines(work.connection), standing.lease
        await machines.settle(lease.chunk_id, lease.token, ending)
        offer = standing.offer
        if offer.state != "leased":
            return
        if burns(reason):
            failed_on = offer.failed_on if ending == "lapsed" else (*offer.failed_on, lease.runner_id)
            offer = replace(offer, tries=offer.tries + 1, failed_on=tuple(dict.fromkeys(failed_on)))
        offer = replace(offer, reason=reason, detail=detail[:300])
        if await machines.live_leases(offer.chunk_id):
            await self._note(work, offer, "leased")
            return
        await self.pass_on(work, offer)

    async def pass_on(self, work: UnitOfWork, offer: Offer) -> None:
        """Offer a chunk to other runners, let the pool have it too where that may be, or give it up."""
        spoiled = is_poison(offer.failed_on, tries=offer.tries, budget=self.intervals.tries)
        pool = offer.policy == "auto" and _POOL not in offer.failed_on
        if spoiled and not pool:
            await self._note(work, offer, "failed")
            plan = await self.records(work).plan(offer.job_id, offer.run)
            if plan is not None:
                await conclude(work, self.records(work), self.machines(work.connection), plan)
            return
        await self._note(work, offer, "pooled" if spoiled else "open")
        if pool:
            await self.to_pool(work, offer)

    async def to_pool(self, work: UnitOfWork, offer: Offer) -> None:
        """Let a worker of the pool make it, unless a runner is quicker."""
        records = self.records(work)
        plan = await records.plan(offer.job_id, offer.run)
        chunks = [] if plan is None else await records.chunks(offer.job_id, offer.manifest_sha256)
        chunk: ChunkRow | None = next((chunk for chunk in chunks if chunk.index == offer.index), None)
        if plan is not None and chunk is not None:
            errand = Errand(
                offer.priority,
                offer.policy,
                offer.start_s,
                offer.end_s,
                token=offer.token,
                frame_megapixels=offer.frame_megapixels,
            )
            await self.pool.send(work, plan, chunk, errand)

    async def blame(self, runner: Runner, *, reason: str, detail: str) -> None:
        """Count a failure of a machine; one that fails again and again gets nothing more."""
        if not burns(reason):
            return
        async with self.database.begin(runner.tenant_id) as work:
            machines = self.machines(work.connection)
            known = await machines.runner(runner.runner_id, lock=True)
            failures = await machines.credit(runner.runner_id, failed=True)
            if known is None or known.quarantined is not None or failures < self.intervals.quarantine_after:
                return
            why = f"{failures} chunks failed in a row, the last one: {reason}{f' ({detail[:200]})' if detail else ''}"
            await machines.set_runner(runner.runner_id, quarantined=why)
            await announce_runner(work, replace(known, quarantined=why), "quarantined")

    async def _note(self, work: UnitOfWork, offer: Offer, state: str) -> None:
        await self.machines(work.connection).set_offer(
            offer.chunk_id,
            state,
            tries=offer.tries,
            failed_on=list(offer.failed_on),
            reason=offer.reason,
            detail=offer.detail,
        )


@dataclass(frozen=True)
class PoolFailed:
    """A chunk that the pool gave up: runners may try, where the job lets them; else the step ends."""

    machines: MachinesIn
    settle: SettleFailure

    async def __call__(self, task: Task, failure: Failure, work: UnitOfWork) -> None:
        """In the commit that marks the task failed."""
        machines = self.machines(work.connection)
        offer = await machines.offer_of(job_of(task), task.payload["run"], task.payload["index"], lock=True)
        if offer is None or failure.reason == BY_OPERATOR:
            await machines.withdraw(job_id=job_of(task))
            await announce_failure(task, failure, work)
            return
        if offer.state != "pooled":
            return  # a runner has it
        runners = await machines.eligible(work.tenant_id, model_sha256=offer.model_sha256)
        failed = replace(
            offer,
            tries=offer.tries + 1 if runners else self.settle.intervals.tries,
            failed_on=(*offer.failed_on, _POOL),
            reason=failure.reason,
            detail=failure.detail[:300],
        )
        await self.settle.pass_on(work, failed)
