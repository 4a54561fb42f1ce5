"""``/v1/videos/{id}/held``: what there is of a video, class by class, and deleting one class of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.context import Given, needs
from gateway.api.erasure_schemas import ErasureView, erasure_view
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.domain.access import Caller, Right
from gateway.domain.erasures import Reason
from gateway.domain.held import Held, HeldKind
from gateway.domain.refusals import ChangedMeanwhile, InUse, NotFound, NotReady
from gateway.domain.retention import WHAT_GOES

__all__ = ["router"]

router = APIRouter(prefix="/v1/videos/{video_id}/held", tags=["videos"])
_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_EXAMPLES: list[Any] = [
    {
        "kind": "transcripts",
        "count": 1,
        "oldest_at": "2026-09-24T16:30:00Z",
        "goes_at": "2026-12-23T16:30:00Z",
        "what": WHAT_GOES["transcripts"],
    },
    {
        "kind": "renditions",
        "count": 0,
        "deleted_at": "2026-11-22T16:30:00Z",
        "reason": "retention",
        "erasure": f"/v1/erasures/{_ID}",
        "what": WHAT_GOES["renditions"],
    },
]
Kind = Annotated[HeldKind, Path(description="Which class, as rules of retention name it.", examples=["transcripts"])]


class HeldView(BaseModel):
    """What there is of one class, and what of it was deleted last."""

    kind: HeldKind
    count: int = Field(
        description="How many files there are of it that the API knows by name, or findings of jobs; of intermediates, "
        "jobs that ended and may have left some."
    )
    oldest_at: datetime | None = Field(default=None, description="From when the time of the oldest is counted.")
    goes_at: datetime | None = Field(
        default=None, description="When it is over its retention, and goes unless a job needs it. Null is never."
    )
    deleted_at: datetime | None = Field(default=None, description="When some of it was deleted last.")
    reason: Reason | None = Field(default=None, description="`asked` for, or because its `retention` was over.")
    erasure: str | None = Field(default=None, description="Where it says what was deleted where, with a receipt.")
    what: str = Field(description="What goes when it is deleted, and what stays.")


class HeldList(BaseModel):
    """What there is of a video."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": _EXAMPLES}]})

    items: tuple[HeldView, ...]


@router.get("", response_model=HeldList, responses=responses(NotFound))
async def list_held(
    video_id: UUID, request: Request, given: Given, caller: Annotated[Caller, needs(Right.VIDEOS_READ)]
) -> Response:
    """What there is of a video, class by class: how much, until when, and what was deleted."""
    return json_response(request, _view(await given.erasing.held.of(caller, video_id)))


@router.delete(
    "/{kind}",
    status_code=202,
    response_model=ErasureView,
    responses=responses(NotFound, NotReady, InUse, ChangedMeanwhile),
)
async def delete_held(
    video_id: UUID,
    kind: Kind,
    response: Response,
    given: Given,
    caller: Annotated[Caller, needs(Right.VIDEOS_ERASE)],
    match: IfMatch,
) -> ErasureView:
    """Delete one class of a video, in every service that holds any. The video stays. This cannot be undone.

    The answer is the erasure, found again at `Location`: it says what was deleted where and ends with a receipt. Asked
    again, when nothing is left to delete, it is the same one.
    """

    def unless(held: Sequence[Held]) -> None:
        match.require(_view(held))

    erasure = await given.erasing.held.delete(caller, video_id, kind, unless=unless)
    response.headers["Location"] = f"/v1/erasures/{erasure.id}"
    return erasure_view(erasure)


def _view(held: Sequence[Held]) -> HeldList:
    return HeldList(items=tuple(_one(one) for one in held))


def _one(held: Held) -> HeldView:
    deleted = held.deleted
    return HeldView(
        kind=held.kind,
        count=held.count,
        oldest_at=held.oldest_at,
        goes_at=held.goes_at,
        deleted_at=deleted and deleted.at,
        reason=deleted and deleted.reason,
        erasure=f"/v1/erasures/{deleted.erasure_id}" if deleted else None,
        what=WHAT_GOES[held.kind],
    )
