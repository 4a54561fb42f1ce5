"""What a tenant has used, what it may spend, and where it stands."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from chassis.database import Database
from contracts.runners import BudgetChanged
from gateway.domain.access import Caller
from gateway.domain.quotas import Budget, Standing, month_of, reached
from gateway.domain.refusals import InvalidRequest, NoPrices, NotFound
from gateway.ports import RecordsOn
from gateway.ports.usage import Grouping, UsageRow
from gateway.usecases.admission import Admission
from gateway.usecases.budgets import reached_notices, tell_spent
from gateway.usecases.notify import Notify

__all__ = ["Usage"]

_LONGEST = timedelta(days=366)
_MOST_ROWS = 10_000


class Usage:
    """The books of the caller's tenant."""

    def __init__(
        self, database: Database, records_on: RecordsOn, admission: Admission, notify: Notify, *, currency: str | None
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._admission = admission
        self._notify = notify
        self._currency = currency

    async def report(
        self, caller: Caller, first: date | None, last: date | None, *, by: Grouping
    ) -> tuple[date, date, Sequence[UsageRow]]:
        """What was used from one day to another, both included; this month, if none is given. Raises InvalidRequest."""
        last = last or max(_today(), first or _today())
        first = first or month_of(last)
        if first > last:
            raise InvalidRequest("from must not be later than to", field="from")
        if last - first > _LONGEST:
            raise InvalidRequest("at most 366 days at once", field="from")
        async with self._database.read(caller.tenant_id) as connection:
            rows = await self._records_on(connection).usage.rows(first, last, by=by, limit=_MOST_ROWS + 1)
        if len(rows) > _MOST_ROWS:
            raise InvalidRequest(f"these are more than {_MOST_ROWS} rows: ask for fewer days", field="from")
        return first, last, rows

    async def standing(self, caller: Caller) -> Standing:
        """Quotas, and the month's money."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._admission.standing(self._records_on(connection))

    async def budget(self, caller: Caller) -> Budget:
        """The tenant's budget. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).quotas.budget())

    async def set_budget(
        self, caller: Caller, amount: Decimal, *, hard: bool, unless: Callable[[Budget | None], None]
    ) -> Budget:
        """Set or change the budget; what it has reached already is told of at once. ``unless`` may object to the one
        there is. Raises NoPrices."""
        if self._currency is None:
            raise NoPrices("the operator has set no prices: there is nothing to budget")
        async with self._database.begin(caller.tenant_id) as work:
            await work.hold("budget")
            records = self._records_on(work.connection)
            known = await records.quotas.budget(lock=True)
            unless(known)
            month = month_of(_today())
            budget = Budget(amount, self._currency, hard)
            if known is not None:
                now_reached = reached(budget, await records.usage.spent(month, self._currency))
                # Raised so far that a mark is ahead again, it is told of again when it is reached.
                told = min(known.told_in(month), now_reached)
                budget = replace(budget, told_month=month, told_percent=told, told_spent=known.told_spent)
            await records.quotas.set_budget(budget)
            budget = await tell_spent(work, records, budget, month)
            await self._notify(work, await reached_notices(records, budget, month))
        return budget

    async def drop_budget(self, caller: Caller, *, unless: Callable[[Budget | None], None]) -> None:
        """Forget the budget. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            await work.hold("budget")
            quotas = self._records_on(work.connection).quotas
            known = _found(await quotas.budget(lock=True))
            unless(known)
            await quotas.drop_budget()
            if known.told_spent:
                await work.announce(BudgetChanged(spent=False), subject=work.tenant_id)


def _today() -> date:
    return datetime.now(UTC).date()


def _found(budget: Budget | None) -> Budget:
    if budget is None:
        raise NotFound("there is no budget")
    return budget
