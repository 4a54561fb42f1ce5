"""Errors as RFC 9457 problems."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from chassis.blobs import BlobBusy, BlobNotFound, StorageFull
from chassis.telemetry import get_logger, trace_id
from upscale.api.schemas import FieldProblem, Problem
from upscale.domain import runner_refusals as refusals

__all__ = ["MEDIA_TYPE", "PROBLEMS", "answers", "problem"]

MEDIA_TYPE = "application/problem+json"
_log = get_logger("upscale.api")
PROBLEMS: dict[str, tuple[int, str]] = {
    "not-invited": (401, "The registration token is not good"),
    "unknown-runner": (401, "Not a runner"),
    "in-quarantine": (403, "In quarantine"),
    "protocol-too-old": (426, "The program is too old"),
    "stale-lease": (409, "The lease is over"),
    "not-handed-in": (422, "The chunk is not there"),
    "invalid-report": (422, "The report cannot be"),
    "invalid-request": (422, "The request is not acceptable"),
    "address-expired": (403, "The address is not good any more"),
    "not-found": (404, "Not found"),
    "busy": (409, "Somebody else is writing"),
    "range-not-satisfiable": (416, "No such bytes"),
    "too-large": (413, "Too many bytes"),
    "no-room": (507, "No room"),
    "unavailable": (503, "Try again"),
    "internal": (500, "Our fault"),
}
"""Every kind of problem: its status and its title."""


def problem(
    request: Request,
    slug: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: tuple[FieldProblem, ...] = (),
) -> Response:
    """An answer of one kind."""
    status, title = PROBLEMS[slug]
    body = Problem(
        type=f"/problems/runner/{slug}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path if not request.url.path.startswith("/v1/runner/bytes/") else "/v1/runner/bytes",
        trace_id=trace_id(),
        errors=errors,
    )
    return Response(body.model_dump_json(), status, headers, MEDIA_TYPE)


def answers() -> dict[Any, Any]:
    """What is answered to which exception."""
    return {
        refusals.RunnerRefusal: _refused,
        ValidationError: _invalid,
        StorageFull: _full,
        BlobBusy: _busy,
        BlobNotFound: _gone,
        DBAPIError: _away,
        ConnectionError: _away,
        TimeoutError: _away,
        ClientDisconnect: _hung_up,
        HTTPException: _http,
        Exception: _failed,
    }


_SLUGS = {
    refusals.NotInvited: "not-invited",
    refusals.UnknownRunner: "unknown-runner",
    refusals.InQuarantine: "in-quarantine",
    refusals.ProtocolTooOld: "protocol-too-old",
    refusals.StaleLease: "stale-lease",
    refusals.NotHandedIn: "not-handed-in",
    refusals.InvalidReport: "invalid-report",
}


async def _refused(request: Request, error: Exception) -> Response:
    slug = _SLUGS[type(error)]  # type: ignore[index]
    headers = {"WWW-Authenticate": "Bearer"} if PROBLEMS[slug][0] == 401 else {}
    if slug == "protocol-too-old":
        headers = {"Upgrade": "matchcut-runner/1"}
    return problem(request, slug, str(error), headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    errors = tuple(
        FieldProblem(field=".".join(map(str, found["loc"])), detail=found["msg"])
        for found in error.errors(include_input=False, include_context=False, include_url=False)
    )
    return problem(request, "invalid-request", "the body is not acceptable", errors=errors)


async def _full(request: Request, error: Exception) -> Response:
    return problem(request, "no-room", "there is no room for these bytes now", headers={"Retry-After": "60"})


async def _busy(request: Request, error: Exception) -> Response:
    return problem(request, "busy", "another connection is sending this chunk", headers={"Retry-After": "2"})


async def _gone(request: Request, error: Exception) -> Response:
    return problem(request, "not-found", "there are no such bytes any more")


async def _away(request: Request, error: Exception) -> Response:
    _log.warning("a runner must ask again", error=repr(error)[:500])
    return problem(request, "unavailable", "a server this one needs is away", headers={"Retry-After": "5"})


async def _hung_up(request: Request, error: Exception) -> Response:
    return problem(request, "unavailable", "the connection ended before the request did")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: "not-found", 405: "not-found", 413: "too-large"}
    return problem(request, known.get(error.status_code, "invalid-request"), error.detail)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("a runner's request failed", exc_info=error)
    return problem(request, "internal", "something went wrong on our side; tell the operator the trace_id")
