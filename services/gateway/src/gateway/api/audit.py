"""``/v1/audit``: who did what."""

import csv
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.api.audit_schemas import CSV_HEAD, AuditEntry, AuditIntegrity, csv_line, entry_view, integrity_view
from gateway.api.context import Given, UseCases, needs
from gateway.api.pages import Page, Paged, page_of
from gateway.api.respond import ClosingStream, json_response
from gateway.api.schemas import Moment
from gateway.domain.access import Caller, Right
from gateway.domain.audit import AuditFilter, Outcome

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"])
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": ",".join(CSV_HEAD)}}}
}
_LINES = 500


def _asked(
    user_id: Annotated[UUID | None, Query(description="Only what this user did.")] = None,
    action: Annotated[str | None, Query(max_length=100, description="Only this operation.")] = None,
    resource_id: Annotated[UUID | None, Query(description="Only what was done to this.")] = None,
    outcome: Annotated[Outcome | None, Query(description="Only what ended so.")] = None,
    since: Annotated[Moment | None, Query(description="At or after this moment.")] = None,
    until: Annotated[Moment | None, Query(description="Before this moment.")] = None,
) -> AuditFilter:
    plain = action is None or "\x00" not in action
    return AuditFilter(user_id, action if plain else "", resource_id, outcome, since, until)


@router.get("", response_model=Page[AuditEntry], responses=_CSV)
async def read_audit(
    request: Request,
    given: Given,
    paged: Paged,
    asked: Annotated[AuditFilter, Depends(_asked)],
    caller: Annotated[Caller, needs(Right.AUDIT_READ)],
    format: Annotated[Literal["json", "csv"], Query(description="`csv`: all at once, without pages or ETag.")] = "json",
) -> Response:
    """Who did what, when, from where, and what came of it; the newest first.

    Written down are: everything that changes something, in the same commit as the change; what was refused to somebody
    we know, wrong passwords included; and reads of contents, which are results, scripts and films as bytes, and this.
    Bodies, secrets and names are not in it. Nobody can change it; it is deleted when its retention ends.
    """
    if format == "csv":
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"}
        return ClosingStream(_lines(given, caller, asked), 200, headers, "text/csv; charset=utf-8")
    found = await given.audit.page(caller, asked, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, entry_view))


@router.get("/integrity", response_model=AuditIntegrity)
async def verify_audit(request: Request, given: Given, caller: Annotated[Caller, needs(Right.AUDIT_READ)]) -> Response:
    """Hold every line of the audit against its seals, a chain of digests made soon after the lines were written."""
    return json_response(request, integrity_view(await given.audit_seals.verify(caller)))


async def _lines(given: UseCases, caller: Caller, asked: AuditFilter) -> AsyncGenerator[bytes, None]:
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(CSV_HEAD)
    count = 0
    async with aclosing(given.audit.everything(caller, asked)) as entries:
        async for entry in entries:
            writer.writerow(csv_line(entry))
            count += 1
            if count % _LINES == 0:
                yield held.getvalue().encode()
                held.seek(0)
                held.truncate()
    yield held.getvalue().encode()
