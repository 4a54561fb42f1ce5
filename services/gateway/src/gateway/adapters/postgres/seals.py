"""Seals over the audit in PostgreSQL. Like the audit, their table only grows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import DateTime, func, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.audit import entry_of
from gateway.adapters.postgres.tables.audit import audit, audit_seals
from gateway.domain.audit import Entry
from gateway.domain.seals import Seal

__all__ = ["PostgresSeals"]

_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
"""Every transaction with a smaller id has ended, and no new one will have a smaller one."""
_SEAL = [audit_seals.c[name] for name in Seal.__dataclass_fields__]


class PostgresSeals:
    """Seals of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def horizon(self) -> int:
        """Up to where nothing will be written any more."""
        return int(await self._connection.scalar(_HORIZON) or 0)

    async def last(self) -> Seal | None:
        """The newest seal."""
        query = select(*_SEAL).order_by(audit_seals.c.position.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Seal(**row._mapping)

    async def page(self, *, after: int, limit: int) -> Sequence[Seal]:
        """Seals behind a position, in order."""
        query = select(*_SEAL).where(audit_seals.c.position > after).order_by(audit_seals.c.position).limit(limit)
        return [Seal(**row._mapping) for row in await self._connection.execute(query)]

    async def lines(self, from_xact: int, to_xact: int) -> Sequence[Entry]:
        """The lines of a window, in the order of their ids."""
        window = (audit.c.xact >= from_xact, audit.c.xact < to_xact)
        rows = await self._connection.execute(select(audit).where(*window).order_by(audit.c.id))
        return [entry_of(row) for row in rows.mappings()]

    async def end_of_window(self, from_xact: int, to_xact: int, *, lines: int) -> int:
        """Where a window that begins there ends, to hold about so many lines and no half transaction."""
        window = (audit.c.xact >= from_xact, audit.c.xact < to_xact)
        query = select(audit.c.xact).where(*window).order_by(audit.c.xact).offset(lines).limit(1)
        beyond: int | None = await self._connection.scalar(query)
        return to_xact if beyond is None else max(beyond, from_xact + 1)

    async def add(self, seal: Seal) -> None:
        """Record a seal."""
        await self._connection.execute(insert(audit_seals).values(asdict(seal)))

    async def may_be_gone(self, seal: Seal, *, days: int | None) -> bool:
        """Whether the retention of some of its lines is over."""
        if days is None:
            return False
        return bool(
            await self._connection.scalar(
                select(func.now() - timedelta(days=days) > literal(seal.last_at, DateTime(timezone=True)))
            )
        )
