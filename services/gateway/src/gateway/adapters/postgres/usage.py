"""What was used, in PostgreSQL."""

import hashlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import uuid7
from gateway.adapters.postgres.tables import storage_counts, tenants, usage_entries, work_samples
from gateway.domain.metering import Metered, PriceList
from gateway.ports.usage import Grouping, UsageRow

__all__ = ["PostgresUsage"]

_kept = usage_entries
_SAMPLES = 200
"""Kept of each kind of work."""

# The days on which something was stored and that are not entered: what the triggers kept, and what was held since the
# last change. A day is entered once, and the triggers never touch one that is over by more than a transaction's length.
_OPEN_DAYS = text(
    """
    WITH held AS (
        SELECT day::date AS day, counts.bytes * extract(epoch FROM
               least(CAST(:before AS timestamp), day + interval '1 day')
               - greatest(counts.since AT TIME ZONE 'UTC', day)) AS byte_seconds
        FROM storage_counts counts, generate_series(date_trunc('day', counts.since AT TIME ZONE 'UTC'),
             CAST(:before AS timestamp) - interval '1 day', '1 day') day
        WHERE counts.bytes <> 0
        UNION ALL SELECT day, byte_seconds FROM storage_days WHERE day < CAST(:before AS date)
    )
    SELECT day, sum(byte_seconds) FROM held
    WHERE NOT EXISTS (SELECT FROM usage_entries entered WHERE kind = 'stored_gib_days' AND entered.day = held.day)
    GROUP BY day HAVING sum(byte_seconds) > 0 ORDER BY day
    """
)

# By the day as well, for that has an index.
_RESERVED = text(
    """
    SELECT sum(greatest(reserved - coalesce((
        SELECT sum(quantity * price) FROM usage_entries entered
        WHERE entered.job_id = jobs.id AND entered.day >= (jobs.created_at AT TIME ZONE 'UTC')::date), 0), 0))
    FROM jobs WHERE finished_at IS NULL AND reserved > 0 AND id IS DISTINCT FROM CAST(:without AS uuid)
    """
)


class PostgresUsage:
    """What the transaction's tenant has used."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enter(self, metered: Sequence[Metered], prices: PriceList, *, day: date) -> int:
        """Enter what is not entered yet; returns how many were."""
        entered = 0
        for one in metered:
            pace = None
            if one.seconds and one.pace_units:
                pace = one.seconds / float(one.pace_units)
            row = insert(_kept).values(**_values(one, prices, day), pace=pace)
            new = (await self._connection.execute(row.on_conflict_do_nothing())).rowcount == 1
            if new and pace is not None:
                await self._sample(one.variant, pace)
            entered += new
        return entered

    async def raise_to(self, metered: Metered, prices: PriceList, *, day: date) -> None:
        """Enter something that grows: what is entered is never less than before. Nothing, once the tenant is gone."""
        there = select(tenants.c.tenant_id).with_for_update(read=True, key_share=True)
        if await self._connection.scalar(there) is None:
            return
        row = insert(_kept).values(**_values(metered, prices, day))
        highest = func.greatest(_kept.c.quantity, row.excluded.quantity)
        await self._connection.execute(
            row.on_conflict_do_update(constraint="usage_entries_once", set_={"quantity": highest})
        )

    async def rows(self, first: date, last: date, *, by: Grouping, limit: int) -> Sequence[UsageRow]:
        """What was used from one day to another, both included."""
        group: list[Any] = {"kind": [], "day": [_kept.c.day], "job": [_kept.c.job_id]}[by]
        keys = [*group, _kept.c.kind, _kept.c.currency]
        query = (
            select(
                *keys,
                func.sum(_kept.c.quantity).label("quantity"),
                func.sum(_kept.c.quantity * _kept.c.price).label("amount"),
            )
            .where(_kept.c.day.between(first, last))
            .group_by(*keys)
            .order_by(*(key.nulls_first() for key in keys))
            .limit(limit)
        )
        return [UsageRow(**row) for row in (await self._connection.execute(query)).mappings()]

    async def spent(self, month: date, currency: str) -> Decimal:
        """What a month has cost so far."""
        cost = select(func.sum(_kept.c.quantity * _kept.c.price))
        query = cost.where(_kept.c.day >= month, _kept.c.day < _next(month), _kept.c.currency == currency)
        return await self._connection.scalar(query) or Decimal(0)

    async def reserved(self, *, without: UUID | None) -> Decimal:
        """What is set aside for jobs that are not over, less what they have cost so far; all but one of them."""
        return await self._connection.scalar(_RESERVED, {"without": without}) or Decimal(0)

    async def cost_of(self, job_id: UUID) -> Decimal:
        """What a job has cost so far."""
        query = select(func.sum(_kept.c.quantity * _kept.c.price)).where(_kept.c.job_id == job_id)
        return await self._connection.scalar(query) or Decimal(0)

    async def paces(self, variant: str, *, limit: int) -> tuple[Sequence[float], Sequence[float]]:
        """Seconds for a unit of recent work: of this tenant, and of whomever."""
        own = select(_kept.c.pace).where(_kept.c.variant == variant, _kept.c.pace.is_not(None))
        all_ = select(work_samples.c.pace).where(work_samples.c.variant == variant)
        mine = await self._connection.execute(own.order_by(_kept.c.id.desc()).limit(limit))
        theirs = await self._connection.execute(all_.order_by(work_samples.c.id.desc()).limit(limit))
        return list(mine.scalars()), list(theirs.scalars())

    async def open_days(self, *, before: date) -> Sequence[tuple[date, Decimal]]:
        """Days that are over and whose stored bytes are not entered yet, with the byte-seconds of each."""
        found = await self._connection.execute(_OPEN_DAYS, {"before": before})
        return [(day, Decimal(byte_seconds)) for day, byte_seconds in found]

    async def storing(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Which tenants have stored something, in order, page by page; for the count at a day's end only."""
        await self._connection.execute(select(func.set_config("gateway.sweep", "storage", True)))
        query = select(storage_counts.c.tenant_id).order_by(storage_counts.c.tenant_id).limit(limit)
        if after is not None:
            query = query.where(storage_counts.c.tenant_id > after)
        found = (await self._connection.execute(query)).scalars().all()
        await self._connection.execute(select(func.set_config("gateway.sweep", "", True)))
        return found

    async def _sample(self, variant: str, pace: float) -> None:
        """Keep how fast this was, and forget the oldest."""
        same = work_samples.c.variant == variant
        await self._connection.execute(insert(work_samples).values(id=uuid7(), variant=variant, pace=pace))
        oldest = select(work_samples.c.id).where(same).order_by(work_samples.c.id.desc()).offset(_SAMPLES)
        old = oldest.with_for_update(skip_locked=True)
        await self._connection.execute(delete(work_samples).where(work_samples.c.id.in_(old)))


def _values(one: Metered, prices: PriceList, day: date) -> dict[str, Any]:
    price = prices.of(one.kind)
    return {
        "id": uuid7(),
        "key": hashlib.sha256(one.key.encode()).hexdigest(),  # it outlives what it names
        "day": day,
        "kind": one.kind.value,
        "quantity": one.quantity,
        "price": None if price is None else price.amount,
        "currency": None if price is None else price.currency,
        "video_id": one.video_id,
        "job_id": one.job_id,
        "variant": one.variant,
    }


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
