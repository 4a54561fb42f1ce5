"""``matchcut usage``, and what ``matchcut process --dry-run`` prints."""

import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, cast

import typer
from rich.text import Text

from matchcut.client import Estimate, Quota, Standing, UsageReport
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Rows

__all__ = ["estimate_table", "usage"]

_GROUPS = ("kind", "day", "job")
_BASES = {"tenant": "your recent work", "installation": "recent work here", "default": "a default"}


def usage(
    first: Annotated[
        datetime | None, typer.Option("--from", help="First day.", formats=["%Y-%m-%d"], show_default="of the month")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", help="Last day, included.", formats=["%Y-%m-%d"], show_default="today")
    ] = None,
    by: Annotated[str, typer.Option(help="Added up by kind, day or job.")] = "kind",
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout and nothing else there.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What was used, what it cost, and what there may be. Days are days in UTC."""
    console = Console(as_json=as_json)
    with exit_codes(console):
        if by not in _GROUPS:
            raise UsageFault(f"--by is one of {', '.join(_GROUPS)}, not {by!r}")
        group = cast(Literal["kind", "day", "job"], by)
        with connect(DataFolder.at(data)) as client:
            if as_csv:
                sys.stdout.write(client.usage.csv(_day(first), _day(last), by=group))
                return
            report = client.usage.report(_day(first), _day(last), by=group)
            standing = client.usage.standing()
        value = {"usage": report.model_dump(mode="json", by_alias=True), "standing": standing.model_dump(mode="json")}
        console.show(value, _report_table(report), _standing_table(standing))


_POOLS = {"gpu": "workers with a GPU", "colab": "runners", "local": "workers without a GPU"}


def estimate_table(estimate: Estimate) -> Rows:
    """An estimate for people."""
    rows: list[tuple[Cell, ...]] = []
    for step in estimate.steps:
        work = ", ".join(f"{_number(quantity)} {_words(kind)}" for kind, quantity in step.units.items())
        known = _BASES[step.basis] + (f" ({step.samples})" if step.samples else "")
        rows.append((step.step, work, _time(step.seconds), _money(step.amount, estimate.currency), known))
        for on in step.pools:
            known, hours = f"{_BASES[on.basis]} ({on.samples})", _time(float(on.hours) * 3600)
            rows.append(("", f"if made by {_POOLS[on.pool]}", hours, _money(on.amount, estimate.currency), known))
    amount = _money(estimate.amount, estimate.currency)
    rows.append((Text("all", "bold"), "", Text(_time(estimate.seconds), "bold"), Text(amount, "bold"), "side by side"))
    heading = ("step", "work", "time", "cost", "known from")
    return Rows(heading, rows, cut={"work": "wrap"}, right=("time", "cost"), title="what it would take")


def _report_table(report: UsageReport) -> Rows:
    key = {"day": "day", "job": "job"}.get(report.by)
    rows: list[tuple[Cell, ...]] = []
    for line in report.items:
        group = line.day if report.by == "day" else line.job_id
        cells = (_words(line.kind), _number(line.quantity), _money(line.amount, line.currency))
        rows.append((str(group or ""), *cells))
    for total in report.totals:
        rows.append(("", Text("all", "bold"), "", Text(_money(total.amount, total.currency), "bold")))
    heading = (key or "", "what", "quantity", "cost")
    return Rows(heading, rows, right=("quantity", "cost"), title=f"{report.first} to {report.last}")


def _standing_table(standing: Standing) -> Rows:
    rows: list[tuple[Cell, ...]] = [
        ("jobs under way", *_quota(standing.jobs)),
        ("stored", *_quota(standing.storage_bytes, unit="MB", size=Decimal(1_000_000))),
        ("minutes of video", *_quota(standing.video_minutes)),
    ]
    if standing.spent is not None:
        budget = standing.budget
        limit = "none" if budget is None else _money(budget.amount, budget.currency) + " (hard)" * budget.hard
        rows.append(("spent", _money(standing.spent, standing.currency), limit))
    return Rows(("now", "used", "limit"), rows, right=("used", "limit"), title=f"{standing.month} and now")


def _quota(quota: Quota, *, unit: str = "", size: Decimal = Decimal(1)) -> tuple[str, str]:
    used = f"{_number(quota.used / size)} {unit}".strip()
    return used, "none" if quota.limit is None else f"{_number(quota.limit / size)} {unit}".strip()


def _words(kind: str) -> str:
    return kind.replace("gib", "GiB").replace("_", " ")


def _number(number: Decimal) -> str:
    """At most two places, and a space between thousands."""
    rounded = number.quantize(Decimal("0.01"))
    whole = rounded == rounded.to_integral_value()
    return (f"{rounded:,.0f}" if whole else f"{rounded:,.2f}").replace(",", " ")


def _money(amount: Decimal | None, currency: str | None) -> str:
    return "" if amount is None else f"{amount:,.2f} {currency or ''}".replace(",", " ").strip()


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
