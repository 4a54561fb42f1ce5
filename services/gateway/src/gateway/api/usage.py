"""``/v1/usage`` and ``/v1/budget``: what you used, what it cost, where you stand, and what you want to spend."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator

from gateway.api.context import Given, needs
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response, text_response
from gateway.api.usage_schemas import (
    BudgetRequest,
    BudgetView,
    StandingView,
    UsageReport,
    budget_view,
    csv_of,
    standing_view,
    usage_view,
)
from gateway.domain.access import Caller, Right
from gateway.domain.quotas import Budget
from gateway.domain.refusals import ChangedMeanwhile, InvalidRequest, NoPrices, NotFound
from gateway.ports.usage import Grouping

__all__ = ["router"]


def _day(text: object) -> date:
    """A day as RFC 3339 writes it; a mere number, which pydantic takes for a moment, is none."""
    if not isinstance(text, str) or len(text) != 10:
        raise ValueError("a day is written as 2026-11-30")
    return date.fromisoformat(text)


router = APIRouter(tags=["usage"])
Reader = Annotated[Caller, needs(Right.USAGE_READ)]
Writer = Annotated[Caller, needs(Right.BUDGET_WRITE)]
Day = Annotated[date, BeforeValidator(_day)]
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was used, as JSON or as CSV",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "kind,quantity,amount,currency\r\ntranscript_minutes,412.50,8.25,EUR\r\n",
            }
        },
    }
}


@router.get("/v1/usage", response_model=UsageReport, responses={**_REPORT, **responses(InvalidRequest)})
async def read_usage(
    request: Request,
    given: Given,
    caller: Reader,
    first: Annotated[Day | None, Query(alias="from", description="First day (UTC); of the month, if absent.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="Last day, included; today, if absent.")] = None,
    by: Annotated[Grouping, Query(description="What the kinds are added up over.")] = "kind",
    format: Annotated[Literal["json", "csv"], Query(description="Also by `Accept: text/csv`.")] = "json",
) -> Response:
    """What was used, by kind, by day and kind, or by job and kind. Work is counted once, when it is done."""
    first, last, rows = await given.usage.report(caller, first, last, by=by)
    report = usage_view(first, last, by, rows)
    if format == "csv" or request.headers.get("accept", "").startswith("text/csv"):
        return text_response(request, csv_of(report), "text/csv; charset=utf-8", filename=f"usage-{first}-{last}.csv")
    return json_response(request, report, by_alias=True)


@router.get("/v1/usage/standing", response_model=StandingView)
async def read_standing(request: Request, given: Given, caller: Reader) -> Response:
    """Where you stand: jobs, bytes and minutes against what you may have, and the month's money."""
    return json_response(request, standing_view(await given.usage.standing(caller)))


@router.get("/v1/budget", response_model=BudgetView, responses=responses(NotFound))
async def read_budget(request: Request, given: Given, caller: Reader) -> Response:
    """Your budget for each month."""
    return json_response(request, budget_view(await given.usage.budget(caller)))


@router.put("/v1/budget", response_model=BudgetView, responses=responses(InvalidRequest, NoPrices, ChangedMeanwhile))
async def set_budget(body: BudgetRequest, request: Request, given: Given, caller: Writer, match: IfMatch) -> Response:
    """Set or change your budget. Webhooks for `budget.reached` are told at 80 and at 100 percent, each once a month."""
    budget = await given.usage.set_budget(caller, body.amount, hard=body.hard, unless=_unless(match))
    return json_response(request, budget_view(budget))


@router.delete("/v1/budget", status_code=204, responses=responses(NotFound, ChangedMeanwhile))
async def drop_budget(given: Given, caller: Writer, match: IfMatch) -> None:
    """Have no budget."""
    await given.usage.drop_budget(caller, unless=_unless(match))


def _unless(match: IfMatch) -> Any:
    def unless(budget: Budget | None) -> None:
        match.require(None if budget is None else budget_view(budget))

    return unless
