"""Retention in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Table, and_, cast, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import (
    TENANT,
    events,
    findings,
    jobs,
    scripts,
    storage_days,
    usage_entries,
    videos,
    webhook_deliveries,
)
from gateway.adapters.postgres.tables.audit import audit
from gateway.adapters.postgres.tables.exports import exports
from gateway.adapters.postgres.tables.retention import retentions
from gateway.domain.held import FINDINGS_OF, HeldKind
from gateway.domain.retention import KINDS, Kind, Over, Retention, SaidRetention, VideoKind

__all__ = ["PostgresRetentions"]


class _Over(NamedTuple):
    """Where things of a kind are, when each was made, and what must hold for it to go."""

    table: Table
    made: ColumnElement[Any]
    held: Sequence[ColumnElement[bool]] = ()
    since: ColumnElement[Any] | None = None
    """Never later than ``made``, and in an index: what is younger by this need not be looked at."""

    def old(self, days: int) -> ColumnElement[bool]:
        """What is over its time."""
        before = func.now() - timedelta(days=days)
        indexed = self.made if self.since is None else self.since
        return and_(indexed < before, self.made < before, *self.held)


_UNNEEDED = ~exists().where(jobs.c.video_id == videos.c.id, jobs.c.finished_at.is_(None))
_LAST_JOB = (
    select(func.max(jobs.c.finished_at)).where(jobs.c.video_id == videos.c.id).correlate(videos).scalar_subquery()
)


def _found(kind: HeldKind) -> _Over:
    """A job's findings of a class go together: when the youngest is over its time, and nothing of the job runs."""
    kinds, others = FINDINGS_OF[kind], findings.alias("others")
    of_job = others.c.job_id == findings.c.job_id, others.c.kind.in_(kinds), others.c.deleted_at.is_(None)
    ended = exists().where(jobs.c.id == findings.c.job_id, jobs.c.finished_at.is_not(None))
    return _Over(
        findings,
        select(func.max(others.c.created_at)).where(*of_job).correlate(findings).scalar_subquery(),
        (findings.c.kind.in_(kinds), findings.c.deleted_at.is_(None), ended),
        findings.c.created_at,
    )


_OVER: Mapping[Kind, _Over] = {
    "videos": _Over(videos, videos.c.created_at, (videos.c.state != "erased", _UNNEEDED)),
    "originals": _Over(
        videos,
        videos.c.created_at,
        (videos.c.state == "ready", videos.c.original_deleted_at.is_(None), _UNNEEDED),
    ),
    "copies": _Over(
        videos,
        func.greatest(videos.c.created_at, _LAST_JOB),
        (videos.c.state == "ready", videos.c.copies_deleted_at.is_(None), _UNNEEDED),
        videos.c.created_at,
    ),
    "intermediates": _Over(
        videos,
        _LAST_JOB,
        (videos.c.state == "ready", videos.c.intermediates_deleted_at.is_(None), _UNNEEDED),
        videos.c.created_at,
    ),
    "results": _found("results"),
    "transcripts": _found("transcripts"),
    "renditions": _found("renditions"),
    "scripts": _Over(
        scripts,
        scripts.c.created_at,
        (~scripts.c.pending, ~exists().where(jobs.c.script_id == scripts.c.id, jobs.c.finished_at.is_(None))),
    ),
    "events": _Over(events, events.c.created_at),
    "usage": _Over(usage_entries, cast(usage_entries.c.day + 1, DateTime(timezone=True))),
    "audit": _Over(audit, audit.c.at),
    "webhook_deliveries": _Over(
        webhook_deliveries, webhook_deliveries.c.created_at, (webhook_deliveries.c.state != "pending",)
    ),
    "exports": _Over(exports, exports.c.created_at, (exports.c.state != "running",)),
}


class PostgresRetentions:
    """Retention of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def said(self) -> SaidRetention:
        """What the tenant has set."""
        rows = await self._connection.execute(select(retentions.c.kind, retentions.c.days))
        return {kind: days for kind, days in rows if kind in KINDS}

    async def put(self, retention: Retention) -> None:
        """Set all of it."""
        rows = [{"kind": kind, "days": days} for kind, days in asdict(retention).items()]
        row = insert(retentions).values(rows)
        changed = {"days": row.excluded.days, "changed_at": func.now()}
        await self._connection.execute(row.on_conflict_do_update(index_elements=["tenant_id", "kind"], set_=changed))

    async def alone(self) -> bool:
        """Whether nobody else looks through this tenant's things; if so, nobody will until this transaction ends."""
        name = func.concat("gateway/retention/", TENANT)
        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))
        return bool(await self._connection.scalar(select(lock)))

    async def videos_over(self, kind: VideoKind, *, days: int, limit: int) -> Sequence[UUID]:
        """Videos that are over their time, or a part of them is, and that no unfinished job needs; locked."""
        return await self._locked(videos.c.id, _OVER[kind], days, limit)

    async def found_over(self, kind: HeldKind, *, days: int, limit: int) -> Mapping[UUID, Collection[UUID]]:
        """Jobs whose findings of a class are over their time, by video; nothing is locked."""
        over = _OVER[kind]
        query = select(findings.c.video_id, findings.c.job_id).distinct().where(over.old(days)).limit(limit)
        of_videos: dict[UUID, set[UUID]] = {}
        for video_id, job_id in await self._connection.execute(query):
            of_videos.setdefault(video_id, set()).add(job_id)
        return of_videos

    async def scripts_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Scripts that are kept for longer than that, and that no unfinished job needs; locked."""
        return await self._locked(scripts.c.id, _OVER["scripts"], days, limit)

    async def forget_usage(self, *, days: int) -> int:
        """Forget what was used longer ago than that; returns how many lines there were."""
        before = func.current_date() - days
        entries = await self._connection.execute(delete(usage_entries).where(usage_entries.c.day < before))
        stored = await self._connection.execute(delete(storage_days).where(storage_days.c.day < before))
        return entries.rowcount + stored.rowcount

    async def over(self, kind: Kind, *, days: int, some: int) -> Over:
        """What is over its time, and not held up by a job; nothing is locked or changed."""
        table, made = _OVER[kind].table, _OVER[kind].made
        old = _OVER[kind].old(days)
        counted = select(func.count(), func.min(made)).select_from(table).where(old)
        count, oldest = (await self._connection.execute(counted)).one()
        ids: Sequence[UUID] = ()
        if "id" in table.c:
            ids = (await self._connection.scalars(select(table.c.id).where(old).order_by(made).limit(some))).all()
        return Over(kind, days, count, oldest, tuple(ids))

    async def forget_audit(self, *, days: int) -> int:
        """Forget lines of the audit that are kept for longer than that; returns how many."""
        return int(await self._connection.scalar(select(func.forget_audit(days))) or 0)

    async def _locked(self, id_: ColumnElement[UUID], over: _Over, days: int, limit: int) -> Sequence[UUID]:
        query = select(id_).where(over.old(days)).order_by(over.table.c.created_at).limit(limit)
        return list((await self._connection.execute(query.with_for_update(of=over.table, skip_locked=True))).scalars())
