"""Gives a runner the next chunk that it may have, cut to what it can make."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from upscale.domain.keys import lease_key
from upscale.domain.pacing import cut_at, fits_session
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.runner_refusals import InQuarantine
from upscale.ports import ChunkRow, PlanRow
from upscale.ports.pacing import Pace
from upscale.ports.runners import ByteAddresses, Intervals, LeaseRow, Offer, Runner
from upscale.usecases.accepting import conclude
from upscale.usecases.dispatching import ByPolicy
from upscale.usecases.failing import SettleFailure
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.lookout import Lookout
from upscale.usecases.pacing import PacesIn, class_of, session_left_s
from upscale.usecases.planning import errand_for
from upscale.usecases.runners import announce_runner
from upscale.usecases.vigil import Vigil

__all__ = ["Claimed", "Claims"]

_UNKNOWN = Pace(None)


@dataclass(frozen=True)
class Claimed:
    """A chunk for a runner, with all it needs."""

    offer: Offer
    lease: LeaseRow
    plan: Plan
    """Whose only chunk is this one."""
    input_url: str
    output_url: str
    tile_pixels: int | None = None
    """The largest tile that such a machine had memory for."""


@dataclass(frozen=True)
class _Machine:
    """Who asks, and what it can do now."""

    runner: Runner
    left_s: float | None
    """Until its session ends."""
    known: Mapping[str, Pace]

    def pace(self, model_sha256: str) -> Pace:
        """What was learnt of such machines with a model."""
        return self.known.get(model_sha256, _UNKNOWN)


@dataclass(frozen=True)
class Claims:
    """Runners that ask for work."""

    database: Database
    records: RecordsIn
    machines: MachinesIn
    paces: PacesIn
    blobs: Blobs
    addresses: ByteAddresses
    intervals: Intervals
    lookout: Lookout
    failure: SettleFailure
    vigil: Vigil
    dispatch: ByPolicy

    async def __call__(self, runner: Runner, capabilities: dict[str, Any], *, wait_s: float) -> Claimed | None:
        """The next chunk, waiting for one at most so long; no connection to the database is held meanwhile.

        Raises InQuarantine.
        """
        if runner.quarantined is not None:
            raise InQuarantine(f"this runner is in quarantine: {runner.quarantined}. An operator can release it")
        runner = await self._seen(runner, capabilities)
        await self._let_go(runner)
        clock = asyncio.get_running_loop().time
        until = clock() + min(wait_s, self.intervals.poll_s)
        while True:
            seen = self.lookout.news
            with self.vigil.answering():
                claimed = await self._claimed(runner)
            if claimed is not None:
                return claimed
            left_s = until - clock()
            if left_s <= 0 or self.lookout.over:
                return None
            await self.lookout.wait(seen, left_s)

    async def _seen(self, runner: Runner, capabilities: dict[str, Any]) -> Runner:
        """A sign of life; the machine as it says it is."""
        if capabilities:
            models = tuple(capabilities.get("models", {}).values())
            runner = replace(runner, capabilities=capabilities, models=models)
        async with self.database.begin(runner.tenant_id) as work:
            said = (capabilities, runner.models) if capabilities else None
            if await self.machines(work.connection).see(runner.runner_id, said=said):
                await announce_runner(work, runner, "online")
        return runner

    async def _let_go(self, runner: Runner) -> None:
        """Give others what it still held: it asks for another chunk, and so has lost the one it had.

        Work that was begun and dropped costs the chunk a try, for it may have been the chunk that ended the program.
        """
        async with self.database.begin_untenanted() as connection:
            held = await self.machines(connection).held(runner.runner_id)
        for lease in held:
            async with self.database.begin(lease.tenant_id) as work:
                standing = await self.machines(work.connection).standing(lease.chunk_id, lease.token, runner.runner_id)
                if standing is None or standing.lease.state not in ("claimed", "working"):
                    continue
                reason = "timeout" if standing.lease.state == "working" else "preempted"
                detail = "its machine began anew without it"
                await self.failure(work, standing, reason=reason, detail=detail, ending="lapsed")

    async def _claimed(self, runner: Runner) -> Claimed | None:
        while True:
            async with self.database.begin(runner.tenant_id) as work:
                machines = self.machines(work.connection)
                # Locked, so that whoever revokes it or keeps it out meanwhile sees the lease, or is seen.
                now = await machines.runner(runner.runner_id, lock=True)
                if now is None or now.revoked or now.quarantined is not None or now.wish != "work":
                    return None
                asking = await self._machine(work, runner)
                found = await machines.claim(
                    runner,
                    self._able(asking),
                    lease_s=self.intervals.lease_s,
                    straggler_s=self.intervals.straggler_s,
                )
                if found is None:
                    return None
                offer, lease = found
                key = lease_key(offer.tenant_id, offer.job_id, offer.manifest_sha256, offer.index, lease.token)
                await machines.settle(offer.chunk_id, lease.token, "claimed", output_key=key)
            claimed = await self._described(asking, offer, replace(lease, output_key=key))
            if claimed is not None:
                return claimed

    async def _machine(self, work: UnitOfWork, runner: Runner) -> _Machine:
        known = await self.paces(work.connection).of(class_of(runner), runner.models)
        return _Machine(runner, session_left_s(runner.capabilities), known)

    def _able(self, asking: _Machine) -> dict[str, float]:
        """Megapixels that it makes with each of its models before its session ends."""
        left_s, target_s = asking.left_s, self.intervals.target_s
        if left_s is None:
            return dict.fromkeys(asking.runner.models, float("inf"))
        paces = {model: asking.pace(model).seconds_per_megapixel for model in asking.runner.models}
        return {model: fits_session(left_s, pace, target_s=target_s) for model, pace in paces.items()}

    async def _described(self, asking: _Machine, offer: Offer, lease: LeaseRow) -> Claimed | None:
        """The lease with all that its runner needs; None, and the offer is over, if nobody needs the chunk."""
        async with self.database.begin(offer.tenant_id) as work:
            records = self.records(work)
            row = await records.plan(offer.job_id, offer.run)
            chunk = None if row is None else await self._chunk(work, row, offer.index)
            if row is None or chunk is None or chunk.key is not None:
                await self.machines(work.connection).settle(offer.chunk_id, lease.token, "cancelled")
                await self.machines(work.connection).set_offer(offer.chunk_id, "withdrawn" if row is None else "done")
                if row is not None:
                    await conclude(work, records, self.machines(work.connection), row)
                return None
        whole = Plan.model_validate_json(await self.blobs.get_bytes(row.plan_key))
        pace = asking.pace(offer.model_sha256)
        at = cut_at(
            chunk.end - chunk.start,
            left_s=asking.left_s,
            target_s=self.intervals.target_s,
            seconds_per_megapixel=pace.seconds_per_megapixel,
            frame_megapixels=offer.frame_megapixels,
        )
        if at is not None:
            offer, chunk = await self._cut(whole, row, offer, lease, chunk, chunk.start + at)
        part = whole.part(ChunkSpan(start=chunk.start, end=chunk.end))
        read = await self.addresses.to_read(row.original_key)
        write = await self.addresses.to_write(lease.output_key)
        return Claimed(offer, lease, part, read, write, pace.tile_pixels)

    async def _cut(
        self, whole: Plan, row: PlanRow, offer: Offer, lease: LeaseRow, chunk: ChunkRow, at: int
    ) -> tuple[Offer, ChunkRow]:
        """Leave the machine what it can make of a chunk, and offer the rest; unless another one is at it as well."""
        async with self.database.begin(offer.tenant_id) as work:
            machines, records = self.machines(work.connection), self.records(work)
            standing = await machines.standing(offer.chunk_id, lease.token, lease.runner_id)
            alone = standing is not None and standing.wanted and await machines.live_leases(offer.chunk_id) == 1
            rest = None
            if alone:
                rest = await records.split_chunk(row.job_id, row.manifest_sha256, chunk.index, at)
            if rest is None:
                return offer, chunk
            kept = replace(chunk, end=at)
            end_s = errand_for(whole, kept, priority=offer.priority, policy=offer.policy).end_s
            await machines.set_offer(offer.chunk_id, offer.state, frames=at - chunk.start, end_s=end_s)
            grown = await records.plan(row.job_id, row.run) or row
            errand = errand_for(whole, rest, priority=offer.priority, policy=offer.policy)
            await self.dispatch(work, grown, [(rest, errand)], offer.policy)
        self.lookout.wake()
        return replace(offer, frames=at - chunk.start, end_s=end_s), kept

    async def _chunk(self, work: UnitOfWork, plan: PlanRow, index: int) -> ChunkRow | None:
        chunks = await self.records(work).chunks(plan.job_id, plan.manifest_sha256)
        return next((chunk for chunk in chunks if chunk.index == index), None)
