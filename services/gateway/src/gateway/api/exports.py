"""``/v1/exports``: everything your tenant has, in one file."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response
from gateway.domain.access import Caller, Right
from gateway.domain.exports import Export, ExportState
from gateway.domain.refusals import IdempotencyKeyReused, NotFound, NotReady

__all__ = ["ExportRequest", "ExportView", "router"]

router = APIRouter(prefix="/v1/exports", tags=["exports"])
Reader = Annotated[Caller, needs(Right.EXPORTS_READ)]
_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"


class ExportRequest(BaseModel):
    """What is to be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{"media": False}]})

    media: bool = Field(default=False, strict=True, description="Films and pictures too, not only what is written.")


class ExportView(BaseModel):
    """An export."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "state": "ready",
                    "media": False,
                    "created_at": "2026-11-22T16:30:00Z",
                    "finished_at": "2026-11-22T16:31:00Z",
                    "size_bytes": 52_428_800,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "content_url": f"/v1/exports/{_ID}/content",
                }
            ]
        }
    )

    id: UUID
    state: ExportState
    media: bool
    created_at: datetime
    finished_at: datetime | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    reason: str | None = Field(default=None, description="Why it failed. `erasure`: ask again.")
    content_url: str | None = Field(default=None, description="Where the file is, once it is ready.")


@router.post("", status_code=202, response_model=ExportView, responses=responses(IdempotencyKeyReused))
async def request_export(
    body: ExportRequest, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.EXPORTS_WRITE)]
) -> Response:
    """Have everything your tenant has put into one ZIP: a JSON file for each kind of thing, as the API shows it;
    scripts; results under the ids of their jobs; films and pictures if you want; `manifest.json` with all SHA-256.

    It is deleted when its retention is over, and when something is erased, for that may be in it.
    """

    async def ask(work: UnitOfWork) -> ExportView:
        return _view(await given.erasing.exports.ask(work, caller, media=body.media))

    return await once(caller, ask, status=202)


@router.get("", response_model=Page[ExportView])
async def list_exports(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest exports."""
    found = await given.erasing.exports.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, _view))


@router.get("/{export_id}", response_model=ExportView, responses=responses(NotFound))
async def read_export(export_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One export."""
    return json_response(request, _view(await given.erasing.exports.get(caller, export_id)))


@router.get(
    "/{export_id}/content", response_class=Response, responses={**BLOB_RESPONSES, **responses(NotFound, NotReady)}
)
async def read_export_content(export_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The file. Takes `Range`."""
    content = await given.erasing.exports.content(caller, export_id)
    return blob_response(request, given, caller, content, disposition="attachment")


def _view(export: Export) -> ExportView:
    return ExportView(
        id=export.id,
        state=export.state,
        media=export.media,
        created_at=export.created_at,
        finished_at=export.finished_at,
        size_bytes=export.size_bytes,
        sha256=export.sha256,
        reason=export.reason,
        content_url=f"/v1/exports/{export.id}/content" if export.state == "ready" else None,
    )
