"""How much a tenant may have, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import (
    TENANT,
    budgets,
    job_counts,
    storage_counts,
    tenant_quotas,
    usage_entries,
    videos,
)
from gateway.domain.metering import UsageKind
from gateway.domain.quotas import Budget, OwnQuotas

__all__ = ["PostgresQuotas"]

_BUDGET = [column for column in budgets.c if column.name != "tenant_id"]


class PostgresQuotas:
    """Quotas and budget of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def own(self) -> OwnQuotas:
        """What was set for this tenant."""
        columns = (tenant_quotas.c.jobs, tenant_quotas.c.storage_bytes, tenant_quotas.c.video_minutes)
        row = (await self._connection.execute(select(*columns))).mappings().one_or_none()
        return OwnQuotas() if row is None else OwnQuotas(**row)

    async def set_own(self, own: OwnQuotas) -> None:
        """Set it."""
        row = insert(tenant_quotas).values(asdict(own))
        await self._connection.execute(row.on_conflict_do_update(index_elements=["tenant_id"], set_=asdict(own)))

    async def stored(self) -> int:
        """Bytes handed in and not erased, with what this transaction has stored."""
        return int(await self._connection.scalar(select(storage_counts.c.bytes)) or 0)

    async def unfinished(self) -> int:
        """Jobs of this tenant that are not over."""
        query = select(job_counts.c.unfinished).where(job_counts.c.tenant_id == TENANT)
        return int(await self._connection.scalar(query) or 0)

    async def month(self, month: date) -> tuple[Decimal, int]:
        """Minutes of video that came in this month, and how many videos are being taken in: at one moment."""
        came = usage_entries.c.kind == UsageKind.INGESTED_MINUTES.value
        minutes = select(func.coalesce(func.sum(usage_entries.c.quantity), 0)).where(came, usage_entries.c.day >= month)
        ingesting = select(func.count()).select_from(videos).where(videos.c.state.in_(["importing", "ingesting"]))
        row = (await self._connection.execute(select(minutes.scalar_subquery(), ingesting.scalar_subquery()))).one()
        return Decimal(row[0]), int(row[1])

    async def budget(self, *, lock: bool = False) -> Budget | None:
        """The tenant's budget; locked, nobody else changes it before this transaction ends."""
        query = select(*_BUDGET)
        found = await self._connection.execute(query.with_for_update() if lock else query)
        row = found.mappings().one_or_none()
        return None if row is None else Budget(**row)

    async def set_budget(self, budget: Budget) -> None:
        """Overwrite it."""
        row = insert(budgets).values(asdict(budget))
        await self._connection.execute(row.on_conflict_do_update(index_elements=["tenant_id"], set_=asdict(budget)))

    async def drop_budget(self) -> None:
        """Forget it."""
        await self._connection.execute(delete(budgets))

    async def budgeting(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Which tenants have a budget, in order, page by page; for the watch only."""
        await self._connection.execute(select(func.set_config("gateway.sweep", "budgets", True)))
        query = select(budgets.c.tenant_id).order_by(budgets.c.tenant_id).limit(limit)
        if after is not None:
            query = query.where(budgets.c.tenant_id > after)
        found = (await self._connection.execute(query)).scalars().all()
        await self._connection.execute(select(func.set_config("gateway.sweep", "", True)))
        return found
