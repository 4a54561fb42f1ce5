"""What can go wrong between us and the gateway, typed from its problem documents (RFC 9457)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

__all__ = [
    "ApiError",
    "Changed",
    "Conflict",
    "Duplicate",
    "Forbidden",
    "Gone",
    "Invalid",
    "MatchcutError",
    "NotFound",
    "StorageFull",
    "TooLarge",
    "TooMany",
    "TransferBroken",
    "Unauthorised",
    "Unreachable",
    "raise_for_problem",
]


class MatchcutError(Exception):
    """Everything the client raises."""


class Unreachable(MatchcutError):
    """Nobody answers at the address, or no longer."""


class TransferBroken(MatchcutError):
    """What arrived is not what was sent."""


class ApiError(MatchcutError):
    """The gateway said no. ``type`` is stable; ``fields`` are ``(field, message)``; ``trace_id`` helps an operator."""

    def __init__(
        self,
        *,
        status: int,
        type: str,
        title: str,
        detail: str = "",
        fields: tuple[tuple[str, str], ...] = (),
        trace_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        said = f"{title} ({status})" + (f": {detail}" if detail and detail != title else "")
        super().__init__(said + "".join(f"\n  {field}: {message}" for field, message in fields))
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.fields = fields
        self.trace_id = trace_id
        self.retry_after_s = retry_after_s


class Unauthorised(ApiError):
    """401: no credentials, or wrong or outdated ones."""


class Forbidden(ApiError):
    """403: known, but not allowed."""


class NotFound(ApiError):
    """404: not there, or not this tenant's."""


class Conflict(ApiError):
    """409: not in this state."""


class Duplicate(Conflict):
    """409: a video has the same bytes already, and there was to be no second one."""

    duplicate_of: UUID | None = None


class Gone(ApiError):
    """410: it was there, and is no more. Of what was deleted it says when and by which rule: ``asked``, or the
    retention that was over, as ``retention/transcripts``. ``erasure`` is where that is proven.
    """

    deleted_at: datetime | None = None
    rule: str | None = None
    erasure: str | None = None


class Changed(ApiError):
    """412: somebody else has changed it since it was read."""


class TooLarge(ApiError):
    """413: over the limit."""


class TooMany(ApiError):
    """429: too many requests, or unfinished jobs; ``retry_after_s`` says when to ask again."""


class StorageFull(ApiError):
    """507: no room for the bytes until the operator makes some."""


class Invalid(ApiError):
    """400 and 422: what was sent makes no sense to the gateway; see ``fields``."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: Changed,
    413: TooLarge,
    422: Invalid,
    429: TooMany,
    507: StorageFull,
}
_BY_TYPE: dict[str, type[ApiError]] = {"/problems/duplicate-video": Duplicate}


def raise_for_problem(response: httpx.Response) -> None:
    """Raise the ``ApiError`` a response stands for; a good one passes. The body must have been read."""
    if response.status_code < 400:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):  # a proxy's page, or a crash before our own handlers
        problem = {"title": response.reason_phrase or "Error", "detail": response.text[:300]}
    kind = _BY_TYPE.get(str(problem.get("type"))) or _BY_STATUS.get(response.status_code, ApiError)
    error = kind(
        status=response.status_code,
        type=str(problem.get("type", "about:blank")),
        title=str(problem.get("title", response.reason_phrase)),
        detail=str(problem.get("detail") or ""),
        fields=tuple(_fields(problem.get("errors"))),
        trace_id=problem.get("trace_id") or response.headers.get("x-trace-id"),
        retry_after_s=_seconds(response.headers.get("retry-after")),
    )
    if isinstance(error, Gone) and "deleted_at" in problem:
        error.deleted_at = datetime.fromisoformat(problem["deleted_at"])
        error.rule, error.erasure = problem.get("rule"), problem.get("erasure")
    if isinstance(error, Duplicate) and "duplicate_of" in problem:
        error.duplicate_of = UUID(problem["duplicate_of"])
    raise error


def _fields(errors: Any) -> list[tuple[str, str]]:
    if not isinstance(errors, list):
        return []
    dicts = [error for error in errors if isinstance(error, dict)]
    said = ("message", "detail", "msg")
    return [
        (str(error.get("field", "")), next((str(error[key]) for key in said if key in error), "")) for error in dicts
    ]


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None  # a date: nobody here waits that long
