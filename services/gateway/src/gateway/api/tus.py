"""``/v1/uploads/tus``: uploads in pieces, by the protocol tus 1.0.0 (https://tus.io)."""

import hashlib
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response

from chassis.database import UnitOfWork
from gateway.api.arriving import arriving
from gateway.api.context import Given, UseCases, needs
from gateway.api.once import OnlyOnce
from gateway.api.problems import responses
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    BadTusHeader,
    ChunkMismatch,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    StorageFull,
    TooLarge,
    TusVersionUnsupported,
    UploadConflict,
    UploadExpired,
    UploadLocked,
    WrongOffset,
)
from gateway.domain.tus import ALGORITHMS, EXTENSIONS, VERSION, checksum_of, concat_of, digits_of
from gateway.usecases.appending import Interrupted
from gateway.usecases.tus import Piece, Sending

__all__ = ["PREFIX", "router"]

PREFIX = "/v1/uploads/tus"
_PIECES = "application/offset+octet-stream"
_BYTES: dict[str, Any] = {"content": {_PIECES: {}}}
_BROKEN: dict[int | str, dict[str, Any]] = {
    408: {"description": "The bytes ended before the request did; what came is kept (`/problems/request-timeout`)"},
    415: {"description": f"Bytes come as `{_PIECES}` (`/problems/unsupported-media-type`)"},
}
_LENGTH = Header(alias="Upload-Length", description="Bytes of the whole upload.", examples=["52428800"])
_OFFSET = Header(alias="Upload-Offset", description="How many bytes are there already.", examples=["0"])
_METADATA = Header(
    alias="Upload-Metadata",
    description="Pairs of a key and a Base64 value. We look at `filename` and `sha256` (hexadecimal digits).",
    examples=["filename Y2xpcC5tcDQ="],
)
_DEFERRED = Header(alias="Upload-Defer-Length", description="`1`: the length is told by a later PATCH.")
_CONCAT = Header(alias="Upload-Concat", description="`partial`, or `final;` and the addresses of the parts.")
_CHECKSUM = Header(
    alias="Upload-Checksum",
    description=f"What the bytes of this request add up to, by {', '.join(ALGORITHMS)}; in Base64.",
    examples=["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="],
)
_ANSWERS: dict[str, Any] = {
    "Upload-Offset": {"schema": {"type": "integer"}, "description": "How many bytes are there."},
    "Upload-Length": {"schema": {"type": "integer"}, "description": "Bytes of the whole upload."},
    "Upload-Expires": {"schema": {"type": "string"}, "description": "When it is forgotten if nothing more comes."},
    "Location": {"schema": {"type": "string"}, "description": "Where to send the pieces."},
}


def _headers(*names: str) -> dict[str, Any]:
    return {name: _ANSWERS[name] for name in names}


async def _speak_tus(
    version: Annotated[str | None, Header(alias="Tus-Resumable", description=VERSION, examples=[VERSION])] = None,
) -> None:
    if version != VERSION:
        raise TusVersionUnsupported(f"send Tus-Resumable: {VERSION}")


Writer = Annotated[Caller, needs(Right.UPLOADS_WRITE)]
SpeaksTus = Annotated[None, Depends(_speak_tus)]
router = APIRouter(prefix=PREFIX, tags=["uploads"])


@router.options("", status_code=204)
async def describe_tus(given: Given) -> Response:
    """What of tus we speak: its version, extensions, checksums, and how large an upload may be."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(given.tus.max_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


@router.post(
    "",
    status_code=201,
    responses={
        201: {"description": "It waits for its pieces", "headers": _headers("Location", "Upload-Expires")},
        **_BROKEN,
        **responses(BadTusHeader, NotFound, UploadConflict, TusVersionUnsupported, TooLarge, StorageFull),
        **responses(IdempotencyKeyReused, ChunkMismatch),
    },
    openapi_extra={"requestBody": {"required": False, **_BYTES}},
)
async def create_upload(
    request: Request,
    given: Given,
    once: OnlyOnce,
    caller: Writer,
    _: SpeaksTus,
    length: Annotated[str | None, _LENGTH] = None,
    deferred: Annotated[str | None, _DEFERRED] = None,
    metadata: Annotated[str, _METADATA] = "",
    concat: Annotated[str | None, _CONCAT] = None,
    checksum: Annotated[str | None, _CHECKSUM] = None,
) -> Response:
    """Make an upload to send in pieces to `Location`; the first piece may come with this request."""
    brings = _brings_bytes(request)
    wanted = _Wanted(length, deferred, metadata, concat)
    piece = _piece(request, "0", None, checksum) if brings else None
    upload_id = await once.claimed(caller, wanted.digest, lambda work: wanted.create(given, work))
    sending = await given.tus.get(caller, upload_id)
    if piece is not None and sending.offset == 0 and sending.upload.state == "waiting":
        sending = await _append(given, caller, upload_id, request, piece)
    headers = {"Location": f"{PREFIX}/{upload_id}", **_progress(sending)}
    if not brings:
        headers.pop("Upload-Offset", None)
    return Response(status_code=201, headers=headers)


@router.head(
    "/{upload_id}",
    responses={
        200: {"description": "How far it is", "headers": _headers("Upload-Offset", "Upload-Length", "Upload-Expires")},
        **responses(NotFound, UploadExpired, TusVersionUnsupported),
    },
)
async def read_offset(
    upload_id: UUID, given: Given, caller: Annotated[Caller, needs(Right.UPLOADS_READ)], _: SpeaksTus
) -> Response:
    """How many bytes of an upload are here. A final one has no offset while its parts are being joined."""
    sending = await given.tus.get(caller, upload_id)
    transfer = sending.transfer
    headers = {"Cache-Control": "no-store", **_progress(sending)}
    if transfer.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(transfer.length)
    if transfer.metadata:
        headers["Upload-Metadata"] = transfer.metadata
    if transfer.kind == "partial":
        headers["Upload-Concat"] = "partial"
    if transfer.kind == "final":
        headers["Upload-Concat"] = "final;" + " ".join(f"{PREFIX}/{part}" for part in transfer.parts)
    return Response(status_code=200, headers=headers)


@router.patch(
    "/{upload_id}",
    status_code=204,
    responses={
        204: {"description": "They are kept", "headers": _headers("Upload-Offset", "Upload-Expires")},
        **_BROKEN,
        **responses(
            BadTusHeader, Forbidden, NotFound, UploadExpired, WrongOffset, UploadConflict, TusVersionUnsupported
        ),
        **responses(TooLarge, ChunkMismatch, UploadLocked, StorageFull),
    },
    openapi_extra={"requestBody": {"required": True, **_BYTES}},
)
async def append_piece(
    upload_id: UUID,
    request: Request,
    given: Given,
    caller: Writer,
    _: SpeaksTus,
    offset: Annotated[str | None, _OFFSET] = None,
    length: Annotated[str | None, _LENGTH] = None,
    checksum: Annotated[str | None, _CHECKSUM] = None,
) -> Response:
    """Send the bytes from `Upload-Offset` on. Whatever breaks it off, what came is kept: ask by HEAD how far it is."""
    _require_pieces(request)
    if offset is None:
        raise BadTusHeader("say by Upload-Offset how many bytes are there", field="Upload-Offset")
    sending = await _append(given, caller, upload_id, request, _piece(request, offset, length, checksum))
    return Response(status_code=204, headers=_progress(sending))


@router.delete(
    "/{upload_id}",
    status_code=204,
    responses=responses(NotFound, UploadExpired, UploadConflict, TusVersionUnsupported),
)
async def end_upload(upload_id: UUID, given: Given, caller: Writer, _: SpeaksTus) -> None:
    """Forget an upload and its bytes."""
    await given.tus.remove(caller, upload_id)


class _Wanted:
    """What a creation asks for."""

    def __init__(self, length: str | None, deferred: str | None, metadata: str, concat: str | None) -> None:
        self._metadata = metadata
        said = repr((length, deferred, metadata, concat))
        self.digest = hashlib.sha256(f"POST {PREFIX}\n{said}".encode()).hexdigest()
        joined = None if concat is None else concat_of(concat, prefix=PREFIX)
        self._partial = joined is not None and joined.parts is None
        self._parts: Sequence[UUID] | None = joined.parts if joined else None
        self._length = None if length is None else digits_of("Upload-Length", length)
        if deferred not in (None, "1"):
            raise BadTusHeader("Upload-Defer-Length can only be 1", field="Upload-Defer-Length")
        if self._parts is not None and (length is not None or deferred is not None):
            raise BadTusHeader("the length of a final upload follows from its parts", field="Upload-Length")
        if self._parts is None and (length is None) == (deferred is None):
            raise BadTusHeader("say Upload-Length, or Upload-Defer-Length: 1", field="Upload-Length")

    async def create(self, given: UseCases, work: UnitOfWork) -> UUID:
        """Make it."""
        if self._parts is not None:
            return await given.tus.join(work, parts=self._parts, metadata=self._metadata)
        return await given.tus.create(work, length=self._length, metadata=self._metadata, partial=self._partial)


async def _append(given: UseCases, caller: Caller, upload_id: UUID, request: Request, piece: Piece) -> Sending:
    try:
        return await given.tus.append(caller, upload_id, arriving(request), piece)
    except Interrupted as interrupted:
        raise HTTPException(408, f"{interrupted}; what came was kept") from None


def _piece(request: Request, offset: str, length: str | None, checksum: str | None) -> Piece:
    announced = request.headers.get("content-length", "")
    return Piece(
        offset=digits_of("Upload-Offset", offset),
        announced_bytes=int(announced) if announced.isdecimal() else None,
        length=None if length is None else digits_of("Upload-Length", length),
        checksum=None if checksum is None else checksum_of(checksum),
    )


def _brings_bytes(request: Request) -> bool:
    """Whether a creation comes with the first piece. Raises 415 for bytes that are not said to be one."""
    given = request.headers
    brings = given.get("content-length", "0") != "0" or "transfer-encoding" in given
    if brings:
        _require_pieces(request)
    return brings


def _require_pieces(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _PIECES:
        raise HTTPException(415, f"bytes come as Content-Type: {_PIECES}")


def _progress(sending: Sending) -> dict[str, str]:
    headers = {} if sending.offset is None else {"Upload-Offset": str(sending.offset)}
    if sending.expires_at is not None:
        headers["Upload-Expires"] = format_datetime(sending.expires_at, usegmt=True)
    return headers
