"""Taking bytes in by pieces, as tus says: over days, through broken connections, killed processes and replicas."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from chassis.blobs import BlobBusy, BlobGrowth, Blobs
from chassis.blobs import WrongOffset as GrownElsewhere
from chassis.database import Database, UnitOfWork
from gateway.domain.access import Caller
from gateway.domain.library import Transfer, TransferKind, Upload
from gateway.domain.refusals import (
    BadTusHeader,
    Forbidden,
    NotFound,
    TooLarge,
    UploadConflict,
    UploadExpired,
    UploadLocked,
    WrongOffset,
)
from gateway.domain.tus import Checksum, filename_of, metadata_of, sha256_of
from gateway.ports import RecordsOn
from gateway.usecases.appending import Appending, Interrupted, Sums
from gateway.usecases.conclude import conclude_later
from gateway.usecases.uploads import Uploads, growing_key, storage_full_refused

__all__ = ["Piece", "Sending", "Tus"]

_LEAVE_S = 6.0
"""How long a request waits for the one it takes over from to leave."""


@dataclass(frozen=True, slots=True)
class Sending:
    """An upload in pieces, and how far it is."""

    upload: Upload
    transfer: Transfer
    offset: int | None
    """None for a final one that is still being joined."""
    expires_at: datetime | None
    """None for one that is whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a request says of the bytes it brings."""

    offset: int
    announced_bytes: int | None = None
    length: int | None = None
    """Of the whole upload, where that was not said before."""
    checksum: Checksum | None = None


class Tus:
    """What clients of tus do with uploads."""

    def __init__(
        self, database: Database, blobs: Blobs, records_on: RecordsOn, uploads: Uploads, *, lifetime_s: float
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._uploads = uploads
        self._lifetime = timedelta(seconds=lifetime_s)
        self._sums = Sums()

    @property
    def max_bytes(self) -> int:
        """Of one upload."""
        return self._uploads.max_bytes

    async def create(self, work: UnitOfWork, *, length: int | None, metadata: str, partial: bool) -> UUID:
        """Make an upload that waits for its pieces. Raises BadTusHeader, TooLarge, StorageFull."""
        pairs = metadata_of(metadata)
        await self._uploads.require_room(length or 0)
        upload = await self._uploads.announce(
            work, filename=filename_of(pairs), size_bytes=length, sha256=sha256_of(pairs)
        )
        kind: TransferKind = "partial" if partial else "tus"
        transfer = Transfer(upload.id, kind, upload.created_at, length=length, metadata=metadata)
        await self._records_on(work.connection).transfers.add(transfer)
        if length == 0 and not partial:
            await self._conclude(work, upload.id, length)
        return upload.id

    async def join(self, work: UnitOfWork, *, parts: Sequence[UUID], metadata: str) -> UUID:
        """Make an upload of parts that are whole. Raises BadTusHeader, NotFound, UploadConflict, TooLarge."""
        pairs = metadata_of(metadata)
        records = self._records_on(work.connection)
        found = await records.transfers.of_all(parts)
        if len(found) != len(parts):
            raise NotFound("one of the parts is not there, or is named twice", field="Upload-Concat")
        for part in found:
            here = await self._blobs.grown(growing_key(work.tenant_id, part.upload_id))
            if part.kind != "partial" or part.length != here:
                raise UploadConflict(f"{part.upload_id} is not a part, or not whole yet", field="Upload-Concat")
        length = sum(part.length or 0 for part in found)
        filled = tuple(part.upload_id for part in found if part.length)
        await self._uploads.require_room(length)
        upload = await self._uploads.announce(
            work, filename=filename_of(pairs), size_bytes=length, sha256=sha256_of(pairs), has_room=True
        )
        await records.transfers.add(
            Transfer(upload.id, "final", upload.created_at, length=length, metadata=metadata, parts=filled)
        )
        await self._conclude(work, upload.id, length)
        return upload.id

    async def get(self, caller: Caller, upload_id: UUID) -> Sending:
        """An upload in pieces, and how far it is. Raises NotFound, UploadExpired."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            upload = await records.uploads.get(upload_id)
            transfer = await records.transfers.get(upload_id)
        if upload is None or transfer is None or transfer.kind in ("url", "bucket"):
            raise NotFound("there is no such upload in pieces")
        offset = await self._offset(caller, upload, transfer)
        if upload.state == "waiting" and transfer.kind == "tus" and offset is not None and offset == transfer.length:
            async with self._database.begin(caller.tenant_id) as work:
                await self._conclude(work, upload_id, offset)
            upload = replace(upload, state="checking")
        expires_at = transfer.touched_at + self._lifetime if upload.state == "waiting" else None
        if expires_at is not None and expires_at < datetime.now(UTC):
            raise UploadExpired("this upload was left alone for too long; make another one")
        return Sending(upload, transfer, offset, expires_at)

    async def append(self, caller: Caller, upload_id: UUID, content: AsyncIterator[bytes], piece: Piece) -> Sending:
        """Go on with an upload. Empty pieces of ``content`` mean that nothing came for a while.

        Whatever ends it, what came is kept, unless a checksum tells of all of it. Raises NotFound, UploadExpired,
        WrongOffset, TooLarge, ChunkMismatch, UploadLocked, StorageFull, Forbidden, BadTusHeader; Interrupted.
        """
        sending = await self.get(caller, upload_id)
        if sending.transfer.kind == "final":
            raise Forbidden("an upload that was made of parts takes no bytes")
        if sending.offset != piece.offset:
            raise WrongOffset(f"the upload has {sending.offset} bytes; send on from there", field="Upload-Offset")
        if piece.length is not None:
            sending = await self._with_length(caller, sending, piece.length)
        limit = self.max_bytes if sending.transfer.length is None else sending.transfer.length
        self._require_below(limit, piece.offset + (piece.announced_bytes or 0))
        if sending.upload.state == "waiting":
            await self._uploads.require_room(piece.announced_bytes or 0)
            with storage_full_refused():
                await self._append(caller, sending, content, piece, limit)
        return await self._after(caller, upload_id)

    async def remove(self, caller: Caller, upload_id: UUID) -> None:
        """Forget an upload in pieces. Raises NotFound, UploadExpired, UploadConflict."""
        await self.get(caller, upload_id)
        self._sums.forget(upload_id)
        await self._uploads.remove(caller, upload_id)

    async def _append(
        self, caller: Caller, sending: Sending, content: AsyncIterator[bytes], piece: Piece, limit: int
    ) -> None:
        writer, upload_id, endless = uuid4(), sending.upload.id, sending.transfer.length is None

        async def go_on() -> bool:
            async with self._database.begin(caller.tenant_id) as work:
                if endless:
                    await self._hold(work, upload_id, max(growth.size, coming))
                return await self._records_on(work.connection).transfers.touch(upload_id, writer)

        coming = piece.offset + (piece.announced_bytes or 0)
        async with self._taken_over(caller, upload_id, writer, piece.offset) as growth:
            await go_on()
            whole = self._sums.take(upload_id, piece.offset)
            appending = Appending(growth, limit=limit, checksum=piece.checksum, whole=whole, go_on=go_on)
            try:
                await appending(content)
            except (Interrupted, UploadLocked):
                if piece.checksum is None:
                    self._sums.give_back(upload_id, growth.size, whole)
                raise
            self._sums.give_back(upload_id, growth.size, whole)
        await go_on()

    async def _hold(self, work: UnitOfWork, upload_id: UUID, size: int) -> None:
        """Count what is here or coming of an upload that may never say how long it is. Raises StorageQuotaExceeded."""
        await self._records_on(work.connection).uploads.hold(upload_id, size)
        await self._uploads.admit(work)

    @asynccontextmanager
    async def _taken_over(
        self, caller: Caller, upload_id: UUID, writer: UUID, offset: int
    ) -> AsyncIterator[BlobGrowth]:
        """The growing blob, once whoever wrote to it has left: it looks every few seconds whether it may go on."""
        async with self._database.begin(caller.tenant_id) as work:
            if not await self._records_on(work.connection).transfers.take(upload_id, writer):
                raise WrongOffset("the upload is whole, or gone", field="Upload-Offset")
        until, began = time.monotonic() + _LEAVE_S, False
        while True:
            try:
                async with self._blobs.grow(growing_key(caller.tenant_id, upload_id), offset) as growth:
                    began = True
                    yield growth
                return
            except GrownElsewhere as elsewhere:
                detail = f"the upload has {elsewhere.grown} bytes by now; send on from there"
                raise WrongOffset(detail, field="Upload-Offset") from None
            except BlobBusy:
                if began or time.monotonic() > until:  # in a bucket it shows only when bytes are to be kept
                    raise UploadLocked("another request sends bytes for this upload", retry_after_s=2) from None
            await asyncio.sleep(0.2)

    async def _with_length(self, caller: Caller, sending: Sending, length: int) -> Sending:
        """A length that was not known when the upload was made is told once."""
        known = sending.transfer.length
        if known is not None and known != length:
            raise BadTusHeader(f"the length was said to be {known}", field="Upload-Length")
        self._require_below(self.max_bytes, length)
        if length < (sending.offset or 0):
            raise BadTusHeader("more bytes than that are here", field="Upload-Length")
        if known is None:
            async with self._database.begin(caller.tenant_id) as work:
                records = self._records_on(work.connection)
                await records.transfers.set_length(sending.upload.id, length)
                await records.uploads.expect(sending.upload.id, length)
                await self._uploads.admit(work)
        return replace(sending, transfer=replace(sending.transfer, length=length))

    def _require_below(self, limit: int, size: int) -> None:
        if size > limit:
            raise TooLarge(self._uploads.too_large() if limit == self.max_bytes else f"the upload has {limit} bytes")

    async def _after(self, caller: Caller, upload_id: UUID) -> Sending:
        """How far it is now. One that was removed meanwhile leaves nothing behind."""
        try:
            return await self.get(caller, upload_id)
        except NotFound:
            await self._blobs.delete(growing_key(caller.tenant_id, upload_id))
            raise

    async def _offset(self, caller: Caller, upload: Upload, transfer: Transfer) -> int | None:
        if upload.state == "waiting":
            return await self._blobs.grown(growing_key(caller.tenant_id, upload.id))
        return None if transfer.kind == "final" and upload.state == "checking" else transfer.length

    async def _conclude(self, work: UnitOfWork, upload_id: UUID, length: int) -> None:
        """All bytes are here: let them be joined and added up. Also where whoever took the last byte died then."""
        if await self._records_on(work.connection).uploads.whole(upload_id):
            await conclude_later(work, upload_id, sha256=self._sums.known(upload_id, length))
