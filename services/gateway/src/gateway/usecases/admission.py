"""Who may have more: asked within the transaction that takes it, so that two at once cannot share the last piece."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from chassis.database import UnitOfWork
from gateway.domain.admission import Limits
from gateway.domain.quotas import Quotas, Standing, month_of
from gateway.ports import Records, RecordsOn

__all__ = ["Admission"]


class Admission:
    """Quotas and budgets, as they hold for the tenant of a transaction."""

    def __init__(self, records_on: RecordsOn, limits: Limits, quotas: Quotas, *, currency: str | None) -> None:
        self._records_on = records_on
        self._limits = limits
        self._quotas = quotas
        self._currency = currency

    async def job(
        self, records: Records, estimate: Callable[[], Awaitable[Decimal | None]], *, again: UUID | None = None
    ) -> Decimal | None:
        """Raise BudgetExhausted, BudgetTooSmall, QuotaExceeded or Busy unless there is a place; it is ours once this
        commits. Returns what to set aside of a hard budget for this job; ``again``: the one that is asked for again.

        Asked for last, since all who ask wait for each other.
        """
        budget = await records.quotas.budget()
        hard = budget if budget is not None and budget.hard else None
        month = month_of(datetime.now(UTC).date())
        if hard is not None:
            hard.require_left(await records.usage.spent(month, hard.currency))
        cost = None if hard is None else await estimate()
        own = await records.quotas.own()
        limits = self._limits
        if own.jobs is not None:
            limits = replace(limits, tenant_jobs=None if own.jobs < 0 else own.jobs)
        mine, all_ = await records.jobs.unfinished_while_adding()
        limits.admit(mine=mine, all_=all_)
        if hard is not None and cost is not None:  # nobody sets anything aside beside us now
            spent, reserved = (
                await records.usage.spent(month, hard.currency),
                await records.usage.reserved(without=again),
            )
            hard.require_room(spent=spent, reserved=reserved, estimate=cost)
            cost += Decimal(0) if again is None else await records.usage.cost_of(again)
        return cost

    async def bytes_stored(self, work: UnitOfWork) -> None:
        """Raise StorageQuotaExceeded if what this transaction has stored is too much. Call it after the row is written:
        the tenant's count is locked then, so whoever stores at the same moment sees it."""
        records = self._records_on(work.connection)
        quotas = await self._of(records)
        if quotas.storage_bytes is not None:
            quotas.require_storage(used=await records.quotas.stored())

    async def bytes_coming(self, records: Records, more: int) -> None:
        """Raise StorageQuotaExceeded if there is no room for so many bytes now; when they are here we look again."""
        quotas = await self._of(records)
        if quotas.storage_bytes is not None:
            quotas.require_storage(used=await records.quotas.stored(), more=more)

    async def video(self, work: UnitOfWork) -> None:
        """Raise MinutesQuotaExceeded if the month's minutes are used up."""
        records = self._records_on(work.connection)
        quotas = await self._of(records)
        if quotas.video_minutes is not None:
            await work.hold("minutes of video")
            used, under_way = await records.quotas.month(month_of(datetime.now(UTC).date()))
            quotas.require_minutes(used=used, under_way=under_way)

    async def standing(self, records: Records) -> Standing:
        """Where the tenant stands now."""
        month = month_of(datetime.now(UTC).date())
        minutes, _ = await records.quotas.month(month)
        return Standing(
            month=month,
            quotas=await self._of(records),
            jobs=await records.quotas.unfinished(),
            storage_bytes=await records.quotas.stored(),
            video_minutes=minutes,
            spent=Decimal(0) if self._currency is None else await records.usage.spent(month, self._currency),
            currency=self._currency,
            budget=await records.quotas.budget(),
        )

    async def _of(self, records: Records) -> Quotas:
        return self._quotas.with_own(await records.quotas.own())
