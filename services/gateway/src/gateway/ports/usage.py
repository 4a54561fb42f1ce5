"""What counting and bounding needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from gateway.domain.metering import Metered, PriceList
from gateway.domain.quotas import Budget, OwnQuotas

__all__ = ["Grouping", "QuotaBook", "UsageBook", "UsageRow"]

Grouping = Literal["kind", "day", "job"]


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was used of one kind; on one day or by one job, if that was asked for."""

    kind: str
    quantity: Decimal
    amount: Decimal | None
    currency: str | None
    day: date | None = None
    job_id: UUID | None = None


class UsageBook(Protocol):
    """What the transaction's tenant has used."""

    async def enter(self, metered: Sequence[Metered], prices: PriceList, *, day: date) -> int:
        """Enter what is not entered yet; returns how many were."""

    async def raise_to(self, metered: Metered, prices: PriceList, *, day: date) -> None:
        """Enter something that grows: what is entered is never less than before. Nothing, once the tenant is gone."""

    async def rows(self, first: date, last: date, *, by: Grouping, limit: int) -> Sequence[UsageRow]:
        """What was used from one day to another, both included."""

    async def spent(self, month: date, currency: str) -> Decimal:
        """What a month has cost so far."""

    async def reserved(self, *, without: UUID | None) -> Decimal:
        """What is set aside for jobs that are not over, less what they have cost so far; all but one of them."""

    async def cost_of(self, job_id: UUID) -> Decimal:
        """What a job has cost so far."""

    async def paces(self, variant: str, *, limit: int) -> tuple[Sequence[float], Sequence[float]]:
        """Seconds for a unit of recent work: of this tenant, and of whomever."""

    async def open_days(self, *, before: date) -> Sequence[tuple[date, Decimal]]:
        """Days that are over and whose stored bytes are not entered yet, with the byte-seconds of each."""

    async def storing(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Which tenants have stored something, in order, page by page; for the count at a day's end only."""


class QuotaBook(Protocol):
    """What the transaction's tenant may have, and has."""

    async def own(self) -> OwnQuotas:
        """What was set for this tenant."""

    async def set_own(self, own: OwnQuotas) -> None:
        """Set it."""

    async def stored(self) -> int:
        """Bytes handed in and not erased, with what this transaction has stored."""

    async def unfinished(self) -> int:
        """Jobs of this tenant that are not over."""

    async def month(self, month: date) -> tuple[Decimal, int]:
        """Minutes of video that came in this month, and how many videos are being taken in."""

    async def budget(self, *, lock: bool = False) -> Budget | None:
        """The tenant's budget; locked, nobody else changes it before this transaction ends."""

    async def set_budget(self, budget: Budget) -> None:
        """Overwrite it."""

    async def drop_budget(self) -> None:
        """Forget it."""

    async def budgeting(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Which tenants have a budget, in order, page by page; for the watch only."""
