"""How much a tenant may have: what the operator set for it, and otherwise what holds for all."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from gateway.domain.metering import written
from gateway.domain.refusals import BudgetExhausted, BudgetTooSmall, MinutesQuotaExceeded, StorageQuotaExceeded

__all__ = ["Budget", "OwnQuotas", "Quotas", "Standing", "month_of", "reached"]

_MARKS: tuple[Literal[80, 100], ...] = (80, 100)
"""Percent of a budget that are told of."""


@dataclass(frozen=True, slots=True)
class OwnQuotas:
    """What was set for one tenant. None: as for all; -1: no bound."""

    jobs: int | None = None
    storage_bytes: int | None = None
    video_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """Unfinished jobs at once, bytes handed in and not erased, minutes of video in a month. None: no bound."""

    jobs: int | None
    storage_bytes: int | None = None
    video_minutes: int | None = None

    def with_own(self, own: OwnQuotas) -> "Quotas":
        """What holds for a tenant for which this was set."""
        return replace(
            self,
            jobs=_either(own.jobs, self.jobs),
            storage_bytes=_either(own.storage_bytes, self.storage_bytes),
            video_minutes=_either(own.video_minutes, self.video_minutes),
        )

    def require_storage(self, *, used: int, more: int = 0) -> None:
        """Raise StorageQuotaExceeded if ``used`` bytes, and ``more`` that are about to come, are too many."""
        if self.storage_bytes is not None and used + more > self.storage_bytes:
            detail = (
                f"{used + more} bytes of yours would be stored and {self.storage_bytes} may be: erase videos or delete"
                " uploads you do not need, or ask the operator for more"
            )
            raise StorageQuotaExceeded(detail)

    def require_minutes(self, *, used: Decimal, under_way: int) -> None:
        """Raise MinutesQuotaExceeded if the month's minutes are used up.

        How long a video is shows when it was taken in; until then it counts as one minute.
        """
        if self.video_minutes is not None and used + under_way >= self.video_minutes:
            detail = (
                f"{used:.2f} minutes of video came in this month, {under_way} videos are being taken in, and"
                f" {self.video_minutes} minutes may be: wait for the next month (UTC), or ask the operator for more"
            )
            raise MinutesQuotaExceeded(detail)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tenant wants to spend in a month. A hard one refuses new jobs once it is spent."""

    amount: Decimal
    currency: str
    hard: bool = False
    told_month: date | None = None
    told_percent: int = 0
    """The highest mark that was told of in ``told_month``."""
    told_spent: bool = False
    """Whether other services were told that nothing more may be spent."""

    def told_in(self, month: date) -> int:
        """The highest mark that was told of in this month."""
        return self.told_percent if self.told_month == month else 0

    def is_spent(self, spent: Decimal) -> bool:
        """Whether nothing more may be spent."""
        return self.hard and spent >= self.amount

    def require_left(self, spent: Decimal) -> None:
        """Raise BudgetExhausted if it is hard and spent."""
        if self.is_spent(spent):
            detail = (
                f"{spent:.2f} of {self.amount:.2f} {self.currency} are spent this month (UTC) and the budget is hard:"
                " raise it, or wait for the next month"
            )
            raise BudgetExhausted(detail)

    def require_room(self, *, spent: Decimal, reserved: Decimal, estimate: Decimal) -> None:
        """Raise BudgetTooSmall if it is hard and what is neither spent nor set aside is less than this."""
        left = max(self.amount - spent - reserved, Decimal(0))
        if self.hard and estimate > left:
            detail = (
                f"this job would cost about {written(estimate)} {self.currency} and {written(left)} are left of a hard"
                f" budget of {written(self.amount)}: {written(spent)} are spent this month (UTC) and"
                f" {written(reserved)} set aside for jobs that are not done. Ask for less of it, wait for those, or"
                " raise the budget"
            )
            raise BudgetTooSmall(detail)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands now."""

    month: date
    quotas: Quotas
    jobs: int
    storage_bytes: int
    video_minutes: Decimal
    spent: Decimal
    currency: str | None
    budget: Budget | None


def reached(budget: Budget, spent: Decimal) -> int:
    """The highest mark that is reached: 0, 80 or 100 percent."""
    return max((mark for mark in _MARKS if spent * 100 >= budget.amount * mark), default=0)


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def _either(own: int | None, for_all: int | None) -> int | None:
    if own is None:
        return for_all
    return None if own < 0 else own
