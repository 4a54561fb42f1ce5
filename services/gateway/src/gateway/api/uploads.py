"""``/v1/uploads``: bytes on their way to become a video."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.schemas import Upload, UploadRequest
from gateway.api.views import upload_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    ChecksumMismatch,
    IdempotencyKeyReused,
    NotFound,
    StorageFull,
    TooLarge,
    UploadConflict,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
_RAW_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=201, response_model=Upload, responses=responses(TooLarge, IdempotencyKeyReused))
async def announce_upload(
    body: UploadRequest, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)]
) -> Response:
    """Announce bytes; then PUT them to `content_url`."""

    async def announce(work: UnitOfWork) -> Upload:
        upload = await given.uploads.announce(
            work, filename=body.filename, size_bytes=body.size_bytes, sha256=body.sha256
        )
        return upload_view(upload, max_bytes=given.uploads.max_bytes)

    return await once(caller, announce, status=201)


@router.put(
    "/{upload_id}/content",
    responses=responses(NotFound, UploadConflict, TooLarge, ChecksumMismatch, StorageFull),
    openapi_extra=_RAW_BODY,
)
async def receive_content(
    upload_id: UUID, request: Request, given: Given, caller: Annotated[Caller, needs(Right.UPLOADS_WRITE)]
) -> Upload:
    """Send the bytes, as they are. If it breaks off, send them again from the start."""
    length = request.headers.get("content-length", "")
    upload = await given.uploads.receive(
        caller, upload_id, request.stream(), announced_bytes=int(length) if length.isdecimal() else None
    )
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
    await given.uploads.remove(caller, upload_id)
