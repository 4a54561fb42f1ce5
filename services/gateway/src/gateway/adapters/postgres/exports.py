"""Exports in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables.exports import exports
from gateway.domain.exports import Export

__all__ = ["PostgresExports"]


class PostgresExports:
    """Exports of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, export: Export) -> None:
        """Record an export that is to be made."""
        await self._connection.execute(insert(exports).values(asdict(export)))

    async def get(self, export_id: UUID) -> Export | None:
        """One export."""
        return await self._one(select(exports).where(exports.c.id == export_id))

    async def running(self, *, media: bool) -> Export | None:
        """The one that is being made."""
        query = select(exports).where(exports.c.state == "running", exports.c.media.is_(media))
        return await self._one(query.order_by(exports.c.id).limit(1))

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Export]:
        """The newest exports, older than the one named ``before``."""
        query = select(exports).order_by(exports.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(exports.c.id < before)
        return [_export(row) for row in (await self._connection.execute(query)).mappings()]

    async def finish(self, export_id: UUID, *, at: datetime, size_bytes: int, sha256: str) -> None:
        """Record that it is there."""
        row = update(exports).where(exports.c.id == export_id)
        values = {"state": "ready", "finished_at": at, "size_bytes": size_bytes, "sha256": sha256}
        await self._connection.execute(row.values(values))

    async def fail(self, export_id: UUID, reason: str, *, at: datetime) -> None:
        """Record that it will not be."""
        row = update(exports).where(exports.c.id == export_id, exports.c.state == "running")
        await self._connection.execute(row.values(state="failed", finished_at=at, reason=reason))

    async def over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Exports that are kept for longer than that and not being made; locked."""
        old = exports.c.created_at < func.now() - timedelta(days=days)
        query = select(exports.c.id).where(old, exports.c.state != "running").order_by(exports.c.created_at)
        locked = query.limit(limit).with_for_update(skip_locked=True)
        return list((await self._connection.execute(locked)).scalars())

    async def forget(self, export_ids: Sequence[UUID]) -> int:
        """Forget these, once their bytes are gone; returns how many there were."""
        gone = delete(exports).where(exports.c.id.in_(export_ids))
        return (await self._connection.execute(gone)).rowcount

    async def _one(self, query: Select[Any]) -> Export | None:
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _export(row)


def _export(row: Mapping[Any, Any]) -> Export:
    return Export(**{name: value for name, value in row.items() if name != "tenant_id"})
