"""``/v1/uploads``: bytes on their way to become a video."""

import re
from typing import Annotated, TypedDict
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from chassis.database import UnitOfWork
from gateway.api.arriving import arriving
from gateway.api.context import Given, UseCases, needs
from gateway.api.intake_schemas import Upload, UploadRequest
from gateway.api.once import Once, OnlyOnce
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.views import direct_view, upload_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    ChecksumMismatch,
    DirectUploadUnavailable,
    IdempotencyKeyReused,
    NotFound,
    StorageFull,
    StorageQuotaExceeded,
    TooLarge,
    UploadConflict,
)
from gateway.usecases.appending import Interrupted

__all__ = ["router"]

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,255}")
_RAW_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class _Said(TypedDict):
    filename: str
    size_bytes: int | None
    sha256: str | None


@router.post(
    "",
    status_code=201,
    response_model=Upload,
    responses=responses(TooLarge, StorageQuotaExceeded, DirectUploadUnavailable, IdempotencyKeyReused),
)
async def announce_upload(
    body: UploadRequest,
    request: Request,
    given: Given,
    once: OnlyOnce,
    caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)],
) -> Response:
    """Announce bytes; then PUT them to `content_url`, or, if you asked for `direct`, to the bucket."""
    if body.direct:
        return await _announce_direct(body, request, given, once, caller)

    async def announce(work: UnitOfWork) -> Upload:
        upload = await given.uploads.announce(work, **_said(body))
        return upload_view(upload, max_bytes=given.uploads.max_bytes)

    return await once(caller, announce, status=201)


@router.post(
    "/{upload_id}/complete",
    status_code=202,
    response_model=Upload,
    responses=responses(NotFound, UploadConflict, IdempotencyKeyReused),
)
async def complete_upload(
    upload_id: UUID, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)]
) -> Response:
    """Say that all bytes of a direct upload are in the bucket: they are added up and checked. May be repeated."""
    await given.direct.require_here(caller, upload_id)

    async def conclude(work: UnitOfWork) -> Upload:
        return upload_view(await given.direct.conclude(work, upload_id), max_bytes=given.uploads.max_bytes)

    return await once(caller, conclude, status=202)


@router.put(
    "/{upload_id}/content",
    responses={
        408: {"description": "The bytes ended before the request did (`/problems/request-timeout`)"},
        **responses(NotFound, UploadConflict, TooLarge, ChecksumMismatch, StorageFull),
    },
    openapi_extra=_RAW_BODY,
)
async def receive_content(
    upload_id: UUID, request: Request, given: Given, caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)]
) -> Upload:
    """Send the bytes, as they are. If it breaks off, send them again from the start."""
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() else None
    try:
        upload = await given.uploads.receive(caller, upload_id, arriving(request), announced_bytes=announced)
    except Interrupted as interrupted:
        raise HTTPException(408, str(interrupted)) from None
    return upload_view(upload, max_bytes=given.uploads.max_bytes)


@router.get("/{upload_id}", response_model=Upload, responses=responses(NotFound))
async def read_upload(
    upload_id: UUID, request: Request, given: Given, caller: Annotated[Caller, needs(Right.UPLOADS_READ)]
) -> Response:
    """One upload."""
    upload = await given.uploads.get(caller, upload_id)
    return json_response(request, upload_view(upload, max_bytes=given.uploads.max_bytes))


@router.delete("/{upload_id}", status_code=204, responses=responses(NotFound, UploadConflict))
async def delete_upload(upload_id: UUID, given: Given, caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)]) -> None:
    """Forget an upload no video was made of."""
    await given.direct.remove(caller, upload_id)


async def _announce_direct(
    body: UploadRequest, request: Request, given: UseCases, once: Once, caller: Caller
) -> Response:
    page = request.headers.get("origin", "")
    opened = await given.direct.open(
        caller, size_bytes=body.size_bytes, origin=page if _ORIGIN.fullmatch(page) else None
    )
    used = False

    async def announce(work: UnitOfWork) -> Upload:
        nonlocal used
        upload = await given.direct.announce(work, opened, **_said(body))
        used = True
        until = given.direct.expires_at(upload)
        return direct_view(upload, opened.address, max_bytes=given.uploads.max_bytes, expires_at=until)

    try:
        return await once(caller, announce, status=201, secret=True)
    finally:
        if not used:  # refused, or the first answer was given again
            await given.direct.forsake(opened)


def _said(body: UploadRequest) -> _Said:
    return {"filename": body.filename, "size_bytes": body.size_bytes, "sha256": body.sha256}
