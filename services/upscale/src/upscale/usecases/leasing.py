"""Chunks in the hands of runners: renewed, handed in, failed. Every write carries the fencing token."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from contracts.steps import Step
from upscale.domain.progress import enhancing
from upscale.domain.runner_refusals import InvalidReport, NotHandedIn, StaleLease
from upscale.domain.runners import Command, worth_a_part
from upscale.ports import PlanRow
from upscale.ports.runners import ByteAddresses, Intervals, LeaseRow, Offer, Runner, Standing, TellProgress
from upscale.usecases.failing import SettleFailure
from upscale.usecases.joining import MachinesIn, RecordsIn
from upscale.usecases.lookout import Lookout
from upscale.usecases.pacing import PacesIn, class_of
from upscale.usecases.vigil import Vigil

__all__ = ["Leases", "Report"]


@dataclass(frozen=True)
class Report:
    """What a runner says of a chunk that it has handed in."""

    sha256: str
    bytes: int
    frames: int
    first_pts: int
    last_pts: int
    encoder: str
    model_sha256: str
    seconds: float
    partial: bool = False
    tile_pixels: int | None = None
    """The largest tile that it had memory for."""


@dataclass(frozen=True)
class Leases:
    """What runners ask about chunks."""

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
    tell: TellProgress
    min_free_bytes: int

    async def renew(
        self, runner: Runner, chunk_id: UUID, token: int, *, frames_done: int, said: dict[str, Any]
    ) -> tuple[Command, datetime]:
        """Prolong a lease, and hear what to do. ``said``: what the work has taken so far. Raises StaleLease.

        One whose chunk was handed in stays as it is: the word crossed with that.
        """
        with self.vigil.answering():
            standing, until = await self._renewed(runner, chunk_id, token, frames_done, said)
            if until is not None:
                await self._progress(standing.offer, frames_done)
        if standing.lease.state in ("uploaded", "accepted"):
            return "continue", standing.lease.lease_until
        return ("cancel", standing.lease.lease_until) if until is None else (await self._command(runner), until)

    async def _renewed(
        self, runner: Runner, chunk_id: UUID, token: int, frames_done: int, said: dict[str, Any]
    ) -> tuple[Standing, datetime | None]:
        """The lease as it was, and how long it is now; None if nobody waits for its chunk any more, or it is there."""
        async with self.database.begin(runner.tenant_id) as work:
            machines = self.machines(work.connection)
            standing = await self._standing(work, runner, chunk_id, token)
            if standing.lease.state in ("uploaded", "accepted"):
                return standing, None
            if standing.lease.state != "failed" and not standing.wanted:
                await machines.settle(chunk_id, token, "cancelled" if standing.offer.state != "done" else "superseded")
                return standing, None
            lease_s = self.intervals.lease_s
            if not await machines.renew(chunk_id, token, lease_s=lease_s, frames_done=frames_done, said=said):
                raise StaleLease("this lease is over: the chunk went to another machine, or will")
            renewed = await self._standing(work, runner, chunk_id, token)
            await machines.see(runner.runner_id)
        return standing, renewed.lease.lease_until

    async def addresses_of(self, runner: Runner, chunk_id: UUID, token: int) -> tuple[str, str]:
        """Fresh addresses to read the source from and write the chunk to. Raises StaleLease."""
        async with self.database.begin(runner.tenant_id) as work:
            standing = await self._standing(work, runner, chunk_id, token)
        if standing.lease.state not in ("claimed", "working"):
            raise StaleLease("this lease is over")
        async with self.database.begin(standing.offer.tenant_id) as work:
            plan = await self.records(work).plan(standing.offer.job_id, standing.offer.run)
        if plan is None:
            raise StaleLease("nobody waits for this chunk any more")
        return await self._urls(plan, standing.lease)

    async def complete(self, runner: Runner, chunk_id: UUID, token: int, report: Report) -> None:
        """Take a chunk that was handed in; it is checked behind. A repeat does nothing.

        Raises StaleLease, NotHandedIn, InvalidReport.
        """
        async with self.database.begin(runner.tenant_id) as work:
            standing = await self._standing(work, runner, chunk_id, token)
        lease, offer = standing.lease, standing.offer
        if lease.state in ("uploaded", "accepted") and lease.report.get("sha256") == report.sha256:
            return
        _check(report, offer)
        await self._must_be_there(lease, report)
        async with self.database.begin(offer.tenant_id) as work:
            machines = self.machines(work.connection)
            standing = await self._standing(work, runner, chunk_id, token)
            lease_s = self.intervals.lease_s
            alive = await machines.renew(chunk_id, token, lease_s=lease_s, frames_done=0, said={})
            if not standing.wanted or not alive:
                raise StaleLease("this chunk is not wanted from this machine any more")
            await machines.settle(
                chunk_id, token, "uploaded", report=json.loads(json.dumps(vars(report))), frames_done=report.frames
            )
            await work.enqueue(
                step=Step.UPSCALE,
                kind="verify",
                key=f"{offer.job_id}/{Step.UPSCALE}/{offer.run}/verify/{offer.index:06d}/{token}",
                subject=offer.video_id,
                job_id=offer.job_id,
                priority="urgent",
                payload={"run": offer.run, "chunk_id": str(chunk_id), "token": token},
            )

    async def fail(
        self, runner: Runner, chunk_id: UUID, token: int, *, reason: str, detail: str, tile_pixels: int | None = None
    ) -> None:
        """Take a chunk back. A repeat does nothing. Raises StaleLease."""
        async with self.database.begin(runner.tenant_id) as work:
            standing = await self._standing(work, runner, chunk_id, token)
        if standing.lease.state == "failed":
            return
        async with self.database.begin(standing.offer.tenant_id) as work:
            standing = await self._standing(work, runner, chunk_id, token)
            if standing.lease.state == "failed":
                return
            if standing.lease.state not in ("claimed", "working"):
                raise StaleLease("this lease is over")
            await self.failure(work, standing, reason=reason, detail=detail)
            if reason == "oom":
                await self._smaller_tiles(work, runner, standing.offer, tile_pixels)
        await self.failure.blame(runner, reason=reason, detail=detail)
        self.lookout.wake()

    async def _smaller_tiles(self, work: UnitOfWork, runner: Runner, offer: Offer, tile_pixels: int | None) -> None:
        """Have machines like this one begin with half of what was too large."""
        paces, kind = self.paces(work.connection), class_of(runner)
        known = (await paces.of(kind, [offer.model_sha256])).get(offer.model_sha256)
        learnt = None if known is None else known.tile_pixels
        used = tile_pixels or learnt or runner.capabilities.get("largest_tile_pixels")
        if used is not None and used > 1:
            await paces.note_tile(kind, offer.model_sha256, used // 2)

    async def may_write(self, key: str) -> bool:
        """Whether somebody waits for bytes under this key, from a lease that is alive."""
        async with self.database.begin_untenanted() as connection:
            return await self.machines(connection).may_hand_in(key)

    async def _urls(self, plan: PlanRow, lease: LeaseRow) -> tuple[str, str]:
        return await self.addresses.to_read(plan.original_key), await self.addresses.to_write(lease.output_key)

    async def _standing(self, work: UnitOfWork, runner: Runner, chunk_id: UUID, token: int) -> Standing:
        standing = await self.machines(work.connection).standing(chunk_id, token, runner.runner_id)
        if standing is None:
            raise StaleLease("this runner has no such lease")
        if standing.lease.state in ("lapsed", "rejected", "superseded", "cancelled"):
            raise StaleLease(f"this lease is over ({standing.lease.state}): drop the work")
        return standing

    async def _must_be_there(self, lease: LeaseRow, report: Report) -> None:
        try:
            found = (await self.blobs.stat(lease.output_key)).size
        except BlobNotFound:
            raise NotHandedIn("the chunk is not there: send its bytes to output_url first") from None
        if found != report.bytes:
            raise NotHandedIn(f"{found} bytes of the chunk are there, not {report.bytes}; send it again")

    async def _command(self, runner: Runner) -> Command:
        if runner.wish != "work":
            return runner.wish
        free = await self.blobs.free_bytes()
        return "pause" if free is not None and free < self.min_free_bytes else "continue"

    async def _progress(self, offer: Offer, frames_done: int) -> None:
        async with self.database.begin(offer.tenant_id) as work:
            records = self.records(work)
            plan = await records.plan(offer.job_id, offer.run)
            if plan is None:
                return
            index = offer.index
            done = await records.add_progress(plan.job_id, plan.manifest_sha256, index, min(frames_done, offer.frames))
        fraction = enhancing(done, plan.frames)
        await self.tell(offer, fraction, f"frame {round(done)} of {plan.frames}")


def _check(report: Report, offer: Offer) -> None:
    """Raises InvalidReport."""
    if report.model_sha256 != offer.model_sha256:
        raise InvalidReport("the chunk was made with another model than was asked for")
    if report.frames != offer.frames and not (report.partial and worth_a_part(report.frames, offer.frames)):
        raise InvalidReport(f"the chunk has {offer.frames} frames; {report.frames} were reported")
