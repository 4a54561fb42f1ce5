"""Reference pictures in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import TENANT, logos
from gateway.domain.logos import Logo

__all__ = ["PostgresLogos"]


class PostgresLogos:
    """Reference pictures of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, logo: Logo) -> Logo:
        """Record a picture; the one that is there already if it has the same bytes."""
        await self._connection.execute(insert(logos).values(asdict(logo)).on_conflict_do_nothing())
        same = await self._connection.execute(select(logos).where(logos.c.sha256 == logo.sha256))
        return _logo(same.mappings().one())

    async def get(self, logo_id: UUID) -> Logo | None:
        """One."""
        row = (await self._connection.execute(select(logos).where(logos.c.id == logo_id))).mappings().one_or_none()
        return None if row is None else _logo(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Logo]:
        """The newest, older than the one named ``before``."""
        query = select(logos).order_by(logos.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(logos.c.id < before)
        return [_logo(row) for row in (await self._connection.execute(query)).mappings()]

    async def some(self, logo_ids: Sequence[UUID]) -> Sequence[Logo]:
        """Those of them that are there."""
        query = select(logos).where(logos.c.id.in_(logo_ids)).order_by(logos.c.id)
        return [_logo(row) for row in (await self._connection.execute(query)).mappings()]

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""
        name = func.concat("gateway/logos/", TENANT)
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        return int(await self._connection.scalar(select(func.count()).select_from(logos)) or 0)

    async def remove(self, logo_id: UUID) -> None:
        """Forget one."""
        await self._connection.execute(delete(logos).where(logos.c.id == logo_id))


def _logo(row: Mapping[Any, Any]) -> Logo:
    return Logo(**{name: value for name, value in row.items() if name != "tenant_id"})
