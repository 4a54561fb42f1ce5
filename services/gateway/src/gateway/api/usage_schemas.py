"""Usage, budgets and quotas as clients see them. Money and quantities are decimal, as strings."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from gateway.domain.metering import UsageKind, written
from gateway.domain.quotas import Budget, Standing
from gateway.ports.usage import Grouping, UsageRow

__all__ = [
    "BudgetRequest",
    "BudgetView",
    "StandingView",
    "UsageReport",
    "budget_view",
    "csv_of",
    "standing_view",
    "usage_view",
]

Exact = Annotated[Decimal, PlainSerializer(written, return_type=str, when_used="json")]
"""A decimal number, in JSON as a string."""


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class UsageLine(BaseModel):
    """What was used of one kind."""

    day: date | None = Field(default=None, description="Of the counting (UTC), with `by=day`.")
    job_id: UUID | None = Field(default=None, description="With `by=job`; null for what belongs to no job.")
    kind: UsageKind
    quantity: Exact
    amount: Exact | None = Field(description="What it cost, by the price of its day; null for what has no price.")
    currency: str | None


class Money(BaseModel):
    """An amount."""

    amount: Exact
    currency: str


class UsageReport(BaseModel):
    """What a tenant used from one day to another, both included."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-01",
                    "to": "2026-11-30",
                    "by": "kind",
                    "items": [
                        {"kind": "transcript_minutes", "quantity": "412.50", "amount": "8.25", "currency": "EUR"}
                    ],
                    "totals": [{"amount": "8.25", "currency": "EUR"}],
                }
            ]
        },
    )

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    by: Grouping
    items: tuple[UsageLine, ...]
    totals: tuple[Money, ...] = Field(description="One for each currency there was a price in.")


class BudgetRequest(_Asked):
    """What you want to spend in a month."""

    model_config = _Asked.model_config | _example(amount="250.00", hard=True)

    amount: Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]
    hard: bool = Field(
        default=False,
        description="Refuse new jobs once it is spent. What was asked for before is done, but runners take no more"
        " chunks, hard or not, until there is money again.",
    )


class BudgetView(BaseModel):
    """Your budget for each month (UTC). How much of it is spent is in `GET /v1/usage/standing`."""

    model_config = _example(amount="250.00", currency="EUR", hard=True)

    amount: Exact
    currency: str
    hard: bool


class Quota(BaseModel):
    """How many there are, and how many there may be."""

    used: int
    limit: int | None = Field(description="Null where there is no bound.")


class MinutesQuota(BaseModel):
    """How many minutes came in, and how many may come."""

    used: Exact
    limit: int | None = Field(description="Null where there is no bound.")


class StandingView(BaseModel):
    """Where you stand now."""

    model_config = _example(
        month="2026-11",
        jobs={"used": 12, "limit": 1000},
        storage_bytes={"used": 734_003_200, "limit": 1_099_511_627_776},
        video_minutes={"used": "412.50", "limit": 5000},
        spent="8.25",
        currency="EUR",
        budget={"amount": "250.00", "currency": "EUR", "hard": True},
    )

    month: str = Field(description="The month (UTC) of minutes and money.")
    jobs: Quota = Field(description="Jobs that are not over. Past it a new one is answered 429.")
    storage_bytes: Quota = Field(
        description="Uploads, videos and scripts as you handed them in, until they are erased. Past it: 403."
    )
    video_minutes: MinutesQuota = Field(description="Minutes of video that came in this month. Past it: 403.")
    spent: Exact | None = Field(description="This month; null where nothing has a price.")
    currency: str | None
    budget: BudgetView | None


def usage_view(first: date, last: date, by: Grouping, rows: Sequence[UsageRow]) -> UsageReport:
    """A report, with its totals."""
    totals: dict[str, Decimal] = {}
    for row in rows:
        if row.amount is not None and row.currency is not None:
            totals[row.currency] = totals.get(row.currency, Decimal(0)) + row.amount
    return UsageReport(
        first=first,
        last=last,
        by=by,
        items=tuple(
            UsageLine(
                day=row.day,
                job_id=row.job_id,
                kind=UsageKind(row.kind),
                quantity=row.quantity,
                amount=row.amount,
                currency=row.currency,
            )
            for row in rows
        ),
        totals=tuple(Money(amount=amount, currency=currency) for currency, amount in sorted(totals.items())),
    )


def csv_of(report: UsageReport) -> str:
    """A report as a table (RFC 4180) with a heading; columns that the grouping has no use for are left out."""
    key = {"kind": [], "day": ["day"], "job": ["job_id"]}[report.by]
    columns = [*key, "kind", "quantity", "amount", "currency"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(item.model_dump(mode="json") for item in report.items)
    return out.getvalue()


def budget_view(budget: Budget) -> BudgetView:
    """A budget."""
    return BudgetView(amount=budget.amount, currency=budget.currency, hard=budget.hard)


def standing_view(standing: Standing) -> StandingView:
    """Where a tenant stands."""
    quotas = standing.quotas
    return StandingView(
        month=standing.month.isoformat()[:7],
        jobs=Quota(used=standing.jobs, limit=quotas.jobs),
        storage_bytes=Quota(used=standing.storage_bytes, limit=quotas.storage_bytes),
        video_minutes=MinutesQuota(used=standing.video_minutes, limit=quotas.video_minutes),
        spent=None if standing.currency is None else standing.spent,
        currency=standing.currency,
        budget=None if standing.budget is None else budget_view(standing.budget),
    )
