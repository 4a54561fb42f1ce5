"""Retention: what a tenant does not want to keep for longer is erased by itself, as if somebody had asked for it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import get_args
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from gateway.domain.access import Caller
from gateway.domain.exports import export_key
from gateway.domain.held import FINDINGS_OF, HeldKind
from gateway.domain.retention import ANYTHING, KINDS, Over, Policy, Retention, SaidRetention, VideoKind
from gateway.ports import Records, RecordsOn
from gateway.usecases.erase_script import EraseScript
from gateway.usecases.held import HeldThings
from gateway.usecases.videos import Videos

__all__ = ["KeepRetention", "Retentions"]

_log = get_logger(__name__)
_AT_ONCE = 20
"""Things erased in one transaction; the next round takes the next ones."""
_BY_VIDEO: tuple[VideoKind, ...] = get_args(VideoKind)
_DAY_S = 86_400.0
_ALL_OF_THEM = 1 << 62
_SOME = 20


class Retentions:
    """How long the caller's tenant keeps what."""

    def __init__(self, database: Database, records_on: RecordsOn, policy: Policy = ANYTHING) -> None:
        self._database = database
        self._records_on = records_on
        self._policy = policy

    async def get(self, caller: Caller) -> Retention:
        """What holds now."""
        async with self._database.read(caller.tenant_id) as connection:
            return self._policy.rules(await self._records_on(connection).retentions.said())

    async def preview(self, caller: Caller, changes: SaidRetention) -> tuple[Retention, Sequence[Over]]:
        """What would be over its time at this moment, were the rules changed so. Nothing is. Raises InvalidRequest."""
        async with self._database.read(caller.tenant_id) as connection:
            retentions = self._records_on(connection).retentions
            rules = self._policy.rules({**await retentions.said(), **changes})
            self._policy.check(Retention(**{**asdict(rules), **changes}))
            kept = [(kind, getattr(rules, kind)) for kind in KINDS]
            over = [await retentions.over(kind, days=days, some=_SOME) for kind, days in kept if days is not None]
        return rules, over

    async def put(self, caller: Caller, retention: Retention, *, unless: Callable[[Retention], None]) -> Retention:
        """Set all of it. ``unless`` raises for what must not be overwritten. Raises InvalidRequest."""
        self._policy.check(retention)
        async with self._database.begin(caller.tenant_id) as work:
            retentions = self._records_on(work.connection).retentions
            await work.hold("retention")
            unless(self._policy.rules(await retentions.said()))
            await retentions.put(retention)
        return self._policy.rules(asdict(retention))


class KeepRetention:
    """Erases what is over its time, through the same door as whoever asks: with facts, answers and receipts.

    One replica at a time looks through a tenant's things; one that dies in the middle has changed nothing.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        videos: Videos,
        scripts: EraseScript,
        held: HeldThings,
        policy: Policy = ANYTHING,
    ) -> None:
        self._policy = policy
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._videos = videos
        self._scripts = scripts
        self._held = held

    async def __call__(self, tenant_id: UUID) -> int:
        """One round for one tenant; returns how much was over its time."""
        total = 0
        while True:
            async with self._database.begin(tenant_id) as work:
                records = self._records_on(work.connection)
                if not await records.retentions.alone():
                    return total
                rules = self._policy.rules(await records.retentions.said())
                erased = await self._erase(work, records, rules)
                forgotten = await _forget(records, rules)
            total += erased + forgotten
            if erased < _AT_ONCE:
                break
        total += await self._delete_exports(tenant_id, rules)
        if total:
            _log.info("retention is over", tenant=str(tenant_id), count=total)
        return total

    async def _delete_exports(self, tenant_id: UUID, rules: Retention) -> int:
        """The bytes go before the row: should we die in between, the next round still knows where they are."""
        if rules.exports is None:
            return 0
        async with self._database.begin(tenant_id) as work:
            over = await self._records_on(work.connection).exports.over(days=rules.exports, limit=_AT_ONCE)
        for export_id in over:
            await self._blobs.delete(export_key(tenant_id, export_id))
        async with self._database.begin(tenant_id) as work:
            return await self._records_on(work.connection).exports.forget(over)

    async def _erase(self, work: UnitOfWork, records: Records, rules: Retention) -> int:
        counts = [0]
        for kind in _BY_VIDEO:
            days = getattr(rules, kind)
            if days is not None:
                over = await records.retentions.videos_over(kind, days=days, limit=_AT_ONCE)
                counts.append(sum([await self._erase_of(work, records, kind, video_id) for video_id in over]))
        for held in FINDINGS_OF:
            days = getattr(rules, held)
            if days is not None:
                found = await records.retentions.found_over(held, days=days, limit=_AT_ONCE)
                counts.append(
                    sum([await self._erase_found(work, records, held, one, found[one]) for one in sorted(found)])
                )
        if rules.scripts is not None:
            scripts = await records.retentions.scripts_over(days=rules.scripts, limit=_AT_ONCE)
            for script_id in scripts:
                await self._scripts.erase(work, script_id, reason="retention")
            counts.append(len(scripts))
        return max(counts)

    async def _erase_of(self, work: UnitOfWork, records: Records, kind: VideoKind, video_id: UUID) -> bool:
        """A locked video, or a part of it; False if it is gone, or a job that has just come needs it."""
        video = await records.videos.get(video_id, lock=True)
        if video is None:
            return False
        if kind == "videos":
            await self._videos.erase_in(work, video, reason="retention")
        else:
            jobs = await records.jobs.of_video(video_id)
            if any(not job.over for job in jobs):
                return False
            await self._held.delete_in(work, video, kind, reason="retention", jobs=jobs)
        return True

    async def _erase_found(
        self, work: UnitOfWork, records: Records, kind: HeldKind, video_id: UUID, job_ids: Collection[UUID]
    ) -> int:
        """What these jobs found; returns how many of them."""
        video = await records.videos.get(video_id, lock=True)
        if video is None or video.state == "erased":
            return 0
        jobs = await records.jobs.of_video(video_id)
        erasure = await self._held.delete_in(work, video, kind, reason="retention", jobs=jobs, only=job_ids)
        return len(erasure.job_ids)


async def _forget(records: Records, rules: Retention) -> int:
    count = 0
    if rules.audit is not None:
        count += await records.retentions.forget_audit(days=rules.audit)
    if rules.usage is not None:
        count += await records.retentions.forget_usage(days=rules.usage)
    if rules.events is not None:
        age_s = rules.events * _DAY_S
        count += await records.events.forget_old(older_than_s=age_s, beyond=_ALL_OF_THEM, limit=1000)
    if rules.webhook_deliveries is not None:
        older_than_s = rules.webhook_deliveries * _DAY_S
        count += await records.deliveries.forget_old(older_than_s=older_than_s, limit=1000)
    return count
