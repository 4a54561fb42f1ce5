"""``/v1/retention``: how long your tenant keeps what."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.context import Given, needs
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import ChangedMeanwhile, InvalidRequest
from gateway.domain.retention import WHAT_GOES, Kind, Retention

__all__ = ["router"]

router = APIRouter(prefix="/v1/retention", tags=["retention"])
_EXAMPLE: dict[str, Any] = {
    "videos": 365,
    "originals": 90,
    "copies": 180,
    "intermediates": 14,
    "results": 365,
    "transcripts": 365,
    "renditions": 90,
    "scripts": 365,
    "audit": 730,
    "webhook_deliveries": 14,
    "exports": 7,
    "usage": 800,
    "events": 3,
}
_GOES: dict[str, Any] = {
    "kind": "videos",
    "days": 365,
    "count": 1,
    "oldest_at": "2025-11-22T16:30:00Z",
    "ids": ["019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"],
    "what": WHAT_GOES["videos"],
}
Days = Annotated[int | None, Field(ge=1, le=36_500)]
_Some = Annotated[int | None, Query(ge=1, le=36_500)]


class RetentionRules(BaseModel):
    """Days after which things are erased by themselves, counted from when they were made.

    Null is never, or as late as whoever runs this gateway allows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    videos: Days = Field(description="With everything made of them. One that an unfinished job needs waits for it.")
    scripts: Days = Field(description="With everything aligned with them. One that an unfinished job needs waits.")
    audit: Annotated[int | None, Field(ge=30, le=36_500)] = Field(description="At least 30.")
    webhook_deliveries: Days = Field(description="What was sent to webhooks; the operator may keep it for less.")
    exports: Days
    events: Days = Field(default=None, description="What can be told to those who come back; kept for a week at most.")
    originals: Days = Field(
        default=None, description="What videos came as. They stay, with what was made of them, and say when it was."
    )
    copies: Days = Field(
        default=None, description="Sound, proxy, thumbnails: counted from when a job last ended for the video."
    )
    intermediates: Days = Field(
        default=None,
        description="What jobs left that failed or were called off, counted from when a job last ended for the video. "
        "Of who has never said anything they are kept for 30 days.",
    )
    results: Days = Field(
        default=None, description="Scenes, watermarks, ledgers: those of a job go together. What people said stays."
    )
    transcripts: Days = Field(default=None, description="With what they are found by. A ledger quotes them.")
    renditions: Days = Field(default=None, description="Upscaled films with their quality reports.")
    usage: Annotated[int | None, Field(ge=62, le=36_500)] = Field(
        default=None, description="At least 62, so that a month and the one before it can be reckoned."
    )


class Wanted(BaseModel):
    """Days by kind, instead of those that hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    videos: _Some = None
    originals: _Some = None
    copies: _Some = None
    intermediates: _Some = None
    results: _Some = None
    transcripts: _Some = None
    renditions: _Some = None
    scripts: _Some = None
    audit: Annotated[int | None, Query(ge=30, le=36_500)] = None
    webhook_deliveries: _Some = None
    exports: _Some = None
    events: _Some = None
    usage: Annotated[int | None, Query(ge=62, le=36_500)] = None


@router.get("", response_model=RetentionRules)
async def read_retention(
    request: Request, given: Given, caller: Annotated[Caller, needs(Right.RETENTION_READ)]
) -> Response:
    """How long your tenant keeps what."""
    return json_response(request, _view(await given.erasing.retention.get(caller)))


@router.put("", response_model=RetentionRules, responses=responses(ChangedMeanwhile, InvalidRequest))
async def change_retention(
    body: RetentionRules,
    request: Request,
    given: Given,
    caller: Annotated[Caller, needs(Right.RETENTION_WRITE)],
    match: IfMatch,
) -> Response:
    """Set how long your tenant keeps what. What is over its time then is erased soon, in every service, for good.

    Each erasure is found under `/v1/erasures`, with the reason `retention`.
    """

    def unless(before: Retention) -> None:
        match.require(_view(before))

    changed = await given.erasing.retention.put(caller, Retention(**body.model_dump()), unless=unless)
    return json_response(request, _view(changed))


class Goes(BaseModel):
    """Things of one kind that are over their time."""

    kind: Kind
    days: int
    count: int
    oldest_at: datetime | None
    ids: tuple[UUID, ...] = Field(description="The oldest of them, 20 at most, where they have ids of their own.")
    what: str = Field(description="What goes with them, and what stays.")


class RetentionPreview(BaseModel):
    """What would go now, were these the rules. What an unfinished job needs is not among it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rules": _EXAMPLE, "goes": [_GOES]}]})

    rules: RetentionRules
    goes: tuple[Goes, ...]


@router.get("/preview", response_model=RetentionPreview, responses=responses(InvalidRequest))
async def preview_retention(
    request: Request,
    given: Given,
    caller: Annotated[Caller, needs(Right.RETENTION_READ)],
    wanted: Annotated[Wanted, Query()],
) -> Response:
    """What would go now if you changed these rules; those you do not name are as they are. Nothing is changed."""
    said = wanted.model_dump(exclude_unset=True)
    rules, over = await given.erasing.retention.preview(caller, said)
    goes = tuple(Goes(**asdict(one), what=WHAT_GOES[one.kind]) for one in over if one.count)
    return json_response(request, RetentionPreview(rules=_view(rules), goes=goes))


def _view(retention: Retention) -> RetentionRules:
    return RetentionRules.model_validate(asdict(retention))
