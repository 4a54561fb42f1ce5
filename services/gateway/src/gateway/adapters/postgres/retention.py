"""Retention in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import TENANT, jobs, scripts, videos
from gateway.adapters.postgres.tables.retention import retentions
from gateway.domain.retention import KINDS, Retention

__all__ = ["PostgresRetentions"]


class PostgresRetentions:
    """Retention of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self) -> Retention:
        """What was set, and else the defaults."""
        rows = await self._connection.execute(select(retentions.c.kind, retentions.c.days))
        return Retention(**{kind: days for kind, days in rows if kind in KINDS})

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
        needed = exists().where(jobs.c.video_id == videos.c.id, jobs.c.finished_at.is_(None))
        query = _over(videos, days, limit).where(videos.c.state != "erased", ~needed)
        return list((await self._connection.execute(query)).scalars())

    async def scripts_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Scripts that are kept for longer than that, and that no unfinished job needs; locked."""
        needed = exists().where(jobs.c.script_id == scripts.c.id, jobs.c.finished_at.is_(None))
        query = _over(scripts, days, limit).where(~scripts.c.pending, ~needed)
        return list((await self._connection.execute(query)).scalars())

    async def forget_audit(self, *, days: int) -> int:
        """Forget lines of the audit that are kept for longer than that; returns how many."""
        return int(await self._connection.scalar(select(func.forget_audit(days))) or 0)


def _over(table: Table, days: int, limit: int) -> Select[Any]:
    old = table.c.created_at < func.now() - timedelta(days=days)
    query = select(table.c.id).where(old).order_by(table.c.created_at).limit(limit)
    return query.with_for_update(skip_locked=True)
