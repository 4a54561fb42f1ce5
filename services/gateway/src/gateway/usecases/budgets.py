"""Telling of budgets: each mark once a month, in the commit that notes that it was told of."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from contracts.runners import BudgetChanged
from gateway.domain.metering import PriceList, metered_storage
from gateway.domain.notices import Notice, budget_notice
from gateway.domain.quotas import Budget, month_of, reached
from gateway.ports import Records, RecordsOn
from gateway.usecases.notify import Notify

__all__ = ["KeepBooks", "reached_notices", "tell_spent"]

_log = get_logger(__name__)
_NO_TENANT = UUID(int=0)
_TENANTS = 500


async def reached_notices(records: Records, budget: Budget, month: date) -> list[Notice]:
    """What is to be told of a locked budget now: the highest mark it has reached, if it was not told of. Noted here."""
    spent = await records.usage.spent(month, budget.currency)
    mark = reached(budget, spent)
    if mark <= budget.told_in(month):
        return []
    await records.quotas.set_budget(replace(budget, told_month=month, told_percent=mark))
    return [budget_notice(budget, mark, spent=spent, month=month)]


async def tell_spent(work: UnitOfWork, records: Records, budget: Budget, month: date) -> Budget:
    """Let other services know when nothing more may be spent, and when there is money again; the budget as it is then.

    Runners take no chunk of a tenant whose budget is spent, hard or not: a soft one refuses no job, but buys no more
    hours of machines.
    """
    spent = await records.usage.spent(month, budget.currency) >= budget.amount
    if spent == budget.told_spent:
        return budget
    told = replace(budget, told_spent=spent)
    await records.quotas.set_budget(told)
    await work.announce(BudgetChanged(spent=spent), subject=work.tenant_id)
    return told


class KeepBooks:
    """Looks again and again at who reached their budget, and counts what was stored once a day is over.

    Any replica may, at any time: a budget is locked while it is looked at, and a day is entered once.
    """

    def __init__(
        self, database: Database, records_on: RecordsOn, notify: Notify, prices: PriceList, *, every_s: float
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._notify = notify
        self._prices = prices
        self._every_s = every_s
        self._stored_until: date | None = None

    async def run(self) -> None:
        """Keep the books until cancelled."""
        while True:
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.0))
            try:
                await self.watch_budgets()
                today = datetime.now(UTC).date()
                if self._stored_until != today:
                    await self.enter_storage(before=today)
                    self._stored_until = today
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                _log.warning("the books wait", error=repr(error))

    async def watch_budgets(self) -> int:
        """Tell of every mark that was reached; returns how many messages that were."""
        told, month = 0, month_of(datetime.now(UTC).date())
        async for tenant_id in self._tenants("budgeting"):
            async with self._database.begin(tenant_id) as work:
                records = self._records_on(work.connection)
                budget = await records.quotas.budget(lock=True)
                if budget is not None:
                    budget = await tell_spent(work, records, budget, month)
                notices = [] if budget is None else await reached_notices(records, budget, month)
                await self._notify(work, notices)
            told += len(notices)
        return told

    async def enter_storage(self, *, before: date) -> int:
        """Enter what was stored on each day that is over and not entered; returns how many days that were."""
        entered = 0
        async for tenant_id in self._tenants("storing"):
            async with self._database.begin(tenant_id) as work:
                usage = self._records_on(work.connection).usage
                for day, byte_seconds in await usage.open_days(before=before):
                    entered += await usage.enter([metered_storage(day, byte_seconds)], self._prices, day=day)
        return entered

    async def _tenants(self, of: str) -> AsyncIterator[UUID]:
        after: UUID | None = None
        while True:
            async with self._database.read(_NO_TENANT) as connection:
                records = self._records_on(connection)
                listed = records.quotas.budgeting if of == "budgeting" else records.usage.storing
                found = await listed(after=after, limit=_TENANTS)
            for tenant_id in found:
                yield tenant_id
            if len(found) < _TENANTS:
                return
            after = found[-1]
