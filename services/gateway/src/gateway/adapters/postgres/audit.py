"""The audit in PostgreSQL. Its table takes new rows from our role and gives none up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables.audit import audit
from gateway.domain.audit import AuditFilter, Entry

__all__ = ["PostgresAudit", "entry_of"]


class PostgresAudit:
    """The audit of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, entry: Entry) -> None:
        """Write one line; the database says when."""
        values = asdict(entry)
        del values["at"]
        await self._connection.execute(insert(audit).values(values))

    async def page(self, asked: AuditFilter, *, before: UUID | None, limit: int) -> Sequence[Entry]:
        """The newest lines that are meant, older than the one named ``before``."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        for name in ("user_id", "action", "resource_id", "outcome"):
            wanted = getattr(asked, name)
            if wanted is not None:
                query = query.where(audit.c[name] == wanted)
        if asked.since is not None:
            query = query.where(audit.c.at >= asked.since)
        if asked.until is not None:
            query = query.where(audit.c.at < asked.until)
        if before is not None:
            query = query.where(audit.c.id < before)
        return [entry_of(row) for row in (await self._connection.execute(query)).mappings()]


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """A line as its row says."""
    return Entry(**{name: value for name, value in row.items() if name not in ("tenant_id", "xact")})
