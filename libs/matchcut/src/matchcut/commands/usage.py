"""``matchcut usage``, and what ``matchcut process --dry-run`` prints."""

import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, cast

import typer
from rich.table import Table

from matchcut.client import Estimate, Quota, Standing, UsageReport
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import UsageFault, exit_codes
from matchcut.launcher import DataFolder

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
        console.show(value, _report_table(report))
        if not as_json:
            console.out.print(_standing_table(standing))


def estimate_table(estimate: Estimate) -> Table:
    """An estimate for people."""
    table = Table("step", "work", "time", "cost", "known from", title="what it would take", title_justify="left")
    for step in estimate.steps:
        work = ", ".join(f"{_number(quantity)} {_words(kind)}" for kind, quantity in step.units.items())
        known = _BASES[step.basis] + (f" ({step.samples})" if step.samples else "")
        table.add_row(step.step, work, _time(step.seconds), _money(step.amount, estimate.currency), known)
    table.add_section()
    table.add_row("all", "", _time(estimate.seconds), _money(estimate.amount, estimate.currency), "side by side")
    return table


def _report_table(report: UsageReport) -> Table:
    key = {"day": "day", "job": "job"}.get(report.by)
    before = [""] if key else []
    heading = [*([key] if key else []), "what", "quantity", "cost"]
    table = Table(*heading, title=f"{report.first} to {report.last}", title_justify="left")
    for column in table.columns[-2:]:
        column.justify = "right"
    for line in report.items:
        group = line.day if report.by == "day" else line.job_id
        cells = [str(group or "")] if key else []
        table.add_row(*cells, _words(line.kind), _number(line.quantity), _money(line.amount, line.currency))
    table.add_section()
    for total in report.totals:
        table.add_row(*before, "[bold]all[/]", "", f"[bold]{_money(total.amount, total.currency)}[/]")
    return table


def _standing_table(standing: Standing) -> Table:
    table = Table("now", "used", "limit", title=f"{standing.month} and now", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("jobs under way", *_quota(standing.jobs))
    table.add_row("stored", *_quota(standing.storage_bytes, unit="MB", size=Decimal(1_000_000)))
    table.add_row("minutes of video", *_quota(standing.video_minutes))
    if standing.spent is not None:
        budget = standing.budget
        limit = "" if budget is None else _money(budget.amount, budget.currency) + (" (hard)" if budget.hard else "")
        table.add_row("spent", _money(standing.spent, standing.currency), limit)
    return table


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
