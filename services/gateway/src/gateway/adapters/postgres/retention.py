"""Retention in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Table, and_, cast, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import (
    TENANT,
    events,
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
from gateway.domain.retention import KINDS, Kind, Over, Retention, SaidRetention

__all__ = ["PostgresRetentions"]


class _Over(NamedTuple):
    """Where things of a kind are, when each was made, and what must hold for it to go."""

    table: Table
    made: ColumnElement[Any]
    held: Sequence[ColumnElement[bool]] = ()


_OVER: Mapping[Kind, _Over] = {
    "videos": _Over(
        videos,
        videos.c.created_at,
        (
            videos.c.state != "erased",
            ~exists().where(jobs.c.video_id == videos.c.id, jobs.c.finished_at.is_(None)),
        ),
    ),
    "originals": _Over(
        videos,
        videos.c.created_at,
        (
            videos.c.state == "ready",
            videos.c.original_deleted_at.is_(None),
            ~exists().where(jobs.c.video_id == videos.c.id, jobs.c.finished_at.is_(None)),
        ),
    ),
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

    async def videos_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Videos that are kept for longer than that, and that no unfinished job needs; locked."""
        query = _over(videos, days, limit).where(*_OVER["videos"].held)
        return list((await self._connection.execute(query)).scalars())

    async def originals_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Videos whose original is there, kept for longer than that, and needed by no unfinished job; locked."""
        query = _over(videos, days, limit).where(*_OVER["originals"].held)
        return list((await self._connection.execute(query)).scalars())

    async def scripts_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Scripts that are kept for longer than that, and that no unfinished job needs; locked."""
        query = _over(scripts, days, limit).where(*_OVER["scripts"].held)
        return list((await self._connection.execute(query)).scalars())

    async def forget_usage(self, *, days: int) -> int:
        """Forget what was used longer ago than that; returns how many lines there were."""
        before = func.current_date() - days
        entries = await self._connection.execute(delete(usage_entries).where(usage_entries.c.day < before))
        stored = await self._connection.execute(delete(storage_days).where(storage_days.c.day < before))
        return entries.rowcount + stored.rowcount

    async def over(self, kind: Kind, *, days: int, some: int) -> Over:
        """What is over its time, and not held up by a job; nothing is locked or changed."""
        table, made, held = _OVER[kind]
        old = and_(made < func.now() - timedelta(days=days), *held)
        count, oldest = (await self._connection.execute(select(func.count(), func.min(made)).where(old))).one()
        ids: Sequence[UUID] = ()
        if "id" in table.c:
            ids = (await self._connection.scalars(select(table.c.id).where(old).order_by(made).limit(some))).all()
        return Over(kind, days, count, oldest, tuple(ids))

    async def forget_audit(self, *, days: int) -> int:
        """Forget lines of the audit that are kept for longer than that; returns how many."""
        return int(await self._connection.scalar(select(func.forget_audit(days))) or 0)


def _over(table: Table, days: int, limit: int) -> Select[Any]:
    old = table.c.created_at < func.now() - timedelta(days=days)
    query = select(table.c.id).where(old).order_by(table.c.created_at).limit(limit)
    return query.with_for_update(skip_locked=True)
