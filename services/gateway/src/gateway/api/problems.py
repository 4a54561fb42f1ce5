"""Errors as RFC 9457 problems: stable types, the field at fault, a trace id, and never a stack trace."""

import inspect
import random
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from chassis.telemetry import get_logger, trace_id
from gateway.api.counters import REFUSALS
from gateway.domain import refusals
from gateway.domain.refusals import Refusal, TooMany

__all__ = [
    "FieldProblem",
    "Problem",
    "answer_with_problems",
    "described",
    "problem_response",
    "refusal_response",
    "responses",
]

_log = get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
OAUTH_PATHS = frozenset({"/v1/auth/token", "/v1/auth/revoke"})
"""Where RFC 6749, section 5.2, says what an error looks like: JSON with ``error`` and ``error_description``."""
_OUTAGES = (OperationalError, InterfaceError, PoolTimeout, ConnectionError, TimeoutError, socket.gaierror)
_OUTAGE_STATES = ("08", "53", "57P", "25006", "40")
"""How an SQLSTATE begins that another try may cure: connection lost, out of resources, shutting down or starting,
read-only for a change of servers, and a transaction that had to make way for another."""


class FieldProblem(BaseModel):
    """One field that is not acceptable."""

    field: str = Field(examples=["options.upscale.scale"])
    """Dotted path in the body, or the name of the parameter."""
    detail: str


class Problem(BaseModel):
    """What went wrong. Branch on ``type``; show ``detail`` to people; give ``trace_id`` to the operator."""

    model_config = ConfigDict(
        extra="allow",  # a problem may have members of its own, as OAuth2's ``error``
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/not-found",
                    "title": "There is no such thing",
                    "status": 404,
                    "detail": "there is no such video",
                    "instance": "/v1/videos/019363a0-0000-7000-8000-000000000000",
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                    "errors": [],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: tuple[FieldProblem, ...] = ()


_REFUSALS: dict[type[Refusal], tuple[int, str, str]] = {
    refusals.InvalidRequest: (422, "invalid-request", "The request is not acceptable"),
    refusals.InvalidGrant: (400, "invalid-grant", "No token for this"),
    refusals.Unauthenticated: (401, "unauthenticated", "Sign in first"),
    refusals.Forbidden: (403, "forbidden", "Not allowed"),
    refusals.NotFound: (404, "not-found", "There is no such thing"),
    refusals.NotReady: (404, "not-ready", "There is no such thing yet"),
    refusals.TooLarge: (413, "too-large", "Too many bytes"),
    refusals.ChecksumMismatch: (422, "checksum-mismatch", "Not the bytes that were announced"),
    refusals.UploadConflict: (409, "upload-conflict", "The upload is not in a state for this"),
    refusals.DirectUploadUnavailable: (409, "direct-upload-unavailable", "No bucket to send to"),
    refusals.BadTusHeader: (400, "bad-tus-header", "A header of tus is not right"),
    refusals.TusVersionUnsupported: (412, "tus-version", "Another version of tus"),
    refusals.WrongOffset: (409, "wrong-offset", "Not where the upload goes on"),
    refusals.ChunkMismatch: (460, "chunk-mismatch", "Not the bytes the checksum tells of"),
    refusals.UploadExpired: (410, "upload-expired", "The upload is gone"),
    refusals.UploadLocked: (423, "upload-locked", "Another request is at it"),
    refusals.VideoUnusable: (409, "video-unusable", "The video cannot be worked on"),
    refusals.DuplicateVideo: (409, "duplicate-video", "There is a video of these bytes"),
    refusals.EmailTaken: (409, "email-taken", "The address is somebody's"),
    refusals.NameTaken: (409, "name-taken", "The name is somebody's"),
    refusals.LastOwner: (409, "last-owner", "A tenant needs an owner"),
    refusals.JobFinished: (409, "job-finished", "The job is over"),
    refusals.NothingToRetry: (409, "nothing-to-retry", "There is nothing to do again"),
    refusals.IdempotencyKeyReused: (422, "idempotency-key-reused", "The Idempotency-Key belongs to another request"),
    refusals.QuotaExceeded: (429, "quota-exceeded", "Too many jobs of yours at once"),
    refusals.StorageQuotaExceeded: (403, "storage-quota-exceeded", "No more room for you"),
    refusals.MinutesQuotaExceeded: (403, "minutes-quota-exceeded", "No more minutes this month"),
    refusals.BudgetExhausted: (403, "budget-exhausted", "The budget is spent"),
    refusals.BudgetTooSmall: (403, "budget-too-small", "The budget does not pay for this"),
    refusals.NoPrices: (409, "no-prices", "Nothing has a price"),
    refusals.RateLimited: (429, "rate-limited", "Too many requests"),
    refusals.TooManyAttempts: (429, "too-many-attempts", "Too many wrong passwords"),
    refusals.Busy: (429, "busy", "Too many jobs at once"),
    refusals.ChangedMeanwhile: (412, "changed-meanwhile", "Somebody else changed it"),
    refusals.TooManyWebhooks: (409, "too-many-webhooks", "No more webhooks"),
    refusals.TooManyProviders: (409, "too-many-identity-providers", "No more identity providers"),
    refusals.SignOnUnavailable: (502, "identity-provider-failed", "The identity provider does not work"),
    refusals.WebhookOff: (409, "webhook-disabled", "The webhook is disabled"),
    refusals.PreconditionRequired: (428, "precondition-required", "Say what you read"),
    refusals.NothingToUndo: (409, "nothing-to-undo", "There is nothing to undo"),
    refusals.ExportPending: (409, "export-pending", "The export is being written"),
    refusals.NotAcceptable: (406, "not-acceptable", "Not in this form"),
    refusals.UnusablePicture: (422, "unusable-picture", "Not a picture we can use"),
    refusals.TooManyLogos: (409, "too-many-logos", "No more logos"),
    refusals.StorageFull: (507, "storage-full", "No room left"),
    refusals.Gone: (410, "gone", "It was deleted"),
    refusals.InUse: (409, "in-use", "A job needs it"),
}
_SLUGS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "too-large",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
    422: "invalid-request",
    500: "internal-error",
    503: "unavailable",
}


def problem_response(
    request: Request | str,
    status: int,
    detail: str,
    *,
    slug: str | None = None,
    title: str | None = None,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
    **extra: str,
) -> Response:
    """A problem as a response; ``extra`` are members of its own, as OAuth2's ``error``."""
    problem = Problem(
        type=f"/problems/{slug or _SLUGS.get(status) or HTTPStatus(status).phrase.lower().replace(' ', '-')}",
        title=title or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request if isinstance(request, str) else request.url.path,
        trace_id=trace_id(),
        errors=tuple(errors),
        **extra,
    )
    media_type = "application/json" if "error" in extra else MEDIA_TYPE
    return Response(problem.model_dump_json(), status, headers=headers, media_type=media_type)


def responses(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """How a route may refuse, for its OpenAPI description."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, slug, title = _REFUSALS[kind]
        before = described.get(status, {}).get("description")
        line = f"{title} (`/problems/{slug}`)"
        described[status] = {"model": Problem, "description": f"{before}; {line}" if before else line}
    return described


def described(slug: str) -> dict[str, str | int] | None:
    """What a problem's ``type`` leads to: its status and what it means; None for one we do not have."""
    for kind, (status, known, title) in _REFUSALS.items():
        if known == slug:
            return {"type": f"/problems/{slug}", "title": title, "status": status, "about": inspect.getdoc(kind) or ""}
    for status, known in _SLUGS.items():
        if known == slug:
            return {"type": f"/problems/{slug}", "title": HTTPStatus(status).phrase, "status": status, "about": ""}
    return None


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of the app leave as a problem. What nobody expected is caught at the edge."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(DBAPIError, _database_failed)
    for outage in _OUTAGES:
        app.add_exception_handler(outage, _unavailable)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal_response(request, error)


def refusal_response(request: Request, error: Refusal) -> Response:
    """A refusal as a response, counted."""
    status, slug, title = _REFUSALS[type(error)]
    errors = [FieldProblem(field=error.field, detail=error.detail)] if error.field else []
    headers: dict[str, str] = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, TooMany) and not isinstance(error, refusals.RateLimited):
        # Not all who were refused at one moment shall come back at one moment.
        headers["Retry-After"] = str(error.retry_after_s + random.randint(0, error.retry_after_s))
    REFUSALS.labels(slug).inc()
    extra = {"duplicate_of": error.duplicate_of} if isinstance(error, refusals.DuplicateVideo) else {}
    if isinstance(error, refusals.Gone):
        extra = {"deleted_at": error.deleted_at, "rule": error.rule, "erasure": error.erasure}
    if request.url.path in OAUTH_PATHS:
        headers |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
        extra = _oauth(getattr(error, "error", "invalid_grant"), error.detail)
    return problem_response(
        request, status, error.detail, slug=slug, title=title, errors=errors, headers=headers, **extra
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = _field_problems(error.errors())
    detail = "; ".join(f"{found.field}: {found.detail}" if found.field else found.detail for found in errors[:3])
    if request.url.path in OAUTH_PATHS:
        if "json" in request.headers.get("content-type", ""):
            detail = "send the fields as a form (application/x-www-form-urlencoded), as OAuth2 says, not as JSON"
        oauth = _oauth("invalid_request", detail)
        return problem_response(
            request, 400, detail, slug="invalid-grant", title="No token for this", errors=errors, headers=None, **oauth
        )
    return problem_response(request, 422, detail, title="The request is not acceptable", errors=errors)


def _oauth(error: str, description: str) -> dict[str, str]:
    """The members of RFC 6749, section 5.2, which knows neither quotation marks nor anything beyond ASCII."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in description)
    return {"error": error, "error_description": plain}


def _field_problems(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """A list whose items were refused is not told too that it is too short without them."""
    within = {tuple(found["loc"][:-1]) for found in errors}
    return [_field_problem(found) for found in errors if not (found["type"] == "too_short" and found["loc"] in within)]


def _field_problem(found: Mapping[str, Any]) -> FieldProblem:
    if found["type"] == "json_invalid":
        return FieldProblem(field="", detail="the body is not valid JSON")
    # Of what a field may be instead the name is in brackets, as in ``tuple[uuid, ...]``: it is no part of the path.
    path = [str(part) for part in found["loc"] if "[" not in str(part)]
    field = ".".join(path[1:] if path[0] in ("body", "query", "path", "header", "cookie") else path)
    return FieldProblem(field=field, detail=_words(found))


def _words(found: Mapping[str, Any]) -> str:
    """In words of an API: a list is no tuple."""
    if found["type"] == "extra_forbidden":
        return "there is no such field"
    said = str(found["msg"])
    return f"List{said.removeprefix('Tuple')}" if said.startswith("Tuple") else said


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # the framework's word for a body it could not take apart
        unreadable = {"type": "unreadable", "loc": ("body",), "msg": "the body cannot be decoded"}
        return await _invalid(request, RequestValidationError([unreadable]))
    detail = error.detail
    if error.status_code == 404 and "route" not in request.scope:
        detail = "there is nothing at this address: see /docs for what there is, all of it below /v1"
    return problem_response(request, error.status_code, detail, headers=error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """The client hung up in the middle of its request: nobody reads this answer."""
    _log.debug("a client hung up", path=request.url.path)
    return problem_response(request, 400, "the connection ended before the request did")


async def _database_failed(request: Request, error: Exception) -> Response:
    """The driver gives most errors one class, so the state says whether PostgreSQL is away or we asked nonsense."""
    assert isinstance(error, DBAPIError)
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state.startswith(_OUTAGE_STATES):
        return await _unavailable(request, error)
    raise error


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("a server this one needs does not answer", exc_info=error, path=request.url.path)
    detail = "a server this one needs does not answer; try again in a few seconds"
    return problem_response(request, 503, detail, headers={"Retry-After": "5"})
