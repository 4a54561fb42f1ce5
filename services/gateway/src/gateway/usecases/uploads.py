"""Taking bytes in."""

import errno
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from chassis.blobs import Blobs, BlobWriter
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from gateway.domain.access import Caller
from gateway.domain.library import Upload
from gateway.domain.refusals import (
    ChecksumMismatch,
    NotFound,
    StorageFull,
    StorageQuotaExceeded,
    TooLarge,
    UploadConflict,
)
from gateway.ports import RecordsOn
from gateway.usecases import witness
from gateway.usecases.admission import Admission

__all__ = ["Uploads", "content_key", "growing_key", "storage_full_refused", "upload_folder"]

_PIECE = 1 << 20
_LOOK_BYTES, _LOOK_S = 16 << 20, 2.0
"""So much is written, or so long waited, before a request looks whether another one has taken over."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NO_ROOM_LEFT = "the server has no room left for these bytes; tell its operator, then try again"
_RECEIVED = "the bytes of this upload were received before; make another upload"


def upload_folder(tenant_id: UUID, upload_id: UUID) -> str:
    """Where the bytes of an upload are, and those of attempts that came to nothing: they go together."""
    return f"scratch/{tenant_id}/uploads/{upload_id}/"


def growing_key(tenant_id: UUID, upload_id: UUID) -> str:
    """Where the bytes of an upload grow that come in pieces."""
    return f"{upload_folder(tenant_id, upload_id)}pieces"


def content_key(tenant_id: UUID, upload_id: UUID) -> str:
    """Where the bytes of an upload are whole that did not come in one request."""
    return f"{upload_folder(tenant_id, upload_id)}content"


@contextmanager
def storage_full_refused() -> Iterator[None]:
    """Say so plainly when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFull(_NO_ROOM_LEFT) from error


class Uploads:
    """Uploads are announced, then their bytes are received, once; then a video uses them."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        admission: Admission,
        *,
        max_bytes: int,
        min_free_bytes: int = 0,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._admission = admission
        self.max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    async def announce(
        self,
        work: UnitOfWork,
        *,
        filename: str,
        size_bytes: int | None,
        sha256: str | None,
        has_room: bool = False,
        upload_id: UUID | None = None,
    ) -> Upload:
        """Make an upload that waits for its bytes; it ``has_room`` if these are counted already, as parts of it.

        Raises TooLarge, StorageQuotaExceeded.
        """
        if size_bytes is not None and size_bytes > self.max_bytes:
            raise TooLarge(self.too_large(), field="size_bytes")
        upload = Upload(
            id=upload_id or uuid7(),
            filename=filename,
            created_at=datetime.now(UTC),
            expected_bytes=size_bytes,
            expected_sha256=sha256,
        )
        await self._records_on(work.connection).uploads.add(upload)
        if not has_room:
            await self.admit(work)
        return upload

    async def get(self, caller: Caller, upload_id: UUID) -> Upload:
        """One upload. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            upload = await self._records_on(connection).uploads.get(upload_id)
        if upload is None:
            raise NotFound("there is no such upload")
        return upload

    async def receive(
        self, caller: Caller, upload_id: UUID, content: AsyncIterator[bytes], *, announced_bytes: int | None
    ) -> Upload:
        """Store the bytes as they come, hashing them on the way, and stop early when there are too many.

        ``announced_bytes`` is what the request says of its own size. Raises NotFound, UploadConflict; TooLarge,
        ChecksumMismatch, StorageFull, StorageQuotaExceeded: nothing is left behind then, and they may be sent again.
        """
        upload = await self.get(caller, upload_id)
        if upload.state != "waiting":
            raise UploadConflict(_RECEIVED)
        limit = self.max_bytes if upload.expected_bytes is None else upload.expected_bytes
        if announced_bytes is not None:
            self._check_size(upload, announced_bytes, limit)
        await self.require_room(announced_bytes or upload.expected_bytes or 0)
        if upload.expected_bytes is None:
            await self.require_quota(caller, announced_bytes or 0)
        # Each request writes a blob of its own. The newest one goes on: whoever sent an older one may have lost it.
        request_id = uuid4()
        go_on = await self._take_over(caller, upload_id, request_id)
        key = f"{upload_folder(caller.tenant_id, upload.id)}{request_id}"
        with storage_full_refused():
            async with self._blobs.writer(key) as writer:
                await self._copy(content, writer, upload, limit, go_on)
                self._check_whole(upload, writer)
        try:
            received = await self._record(caller, upload, key, writer)
        except StorageQuotaExceeded:
            await self._blobs.delete(key)
            raise
        if not received:
            await self._blobs.delete(key)
        upload = await self.get(caller, upload_id)
        if not received:
            raise UploadConflict(_RECEIVED)
        return upload

    async def remove(self, caller: Caller, upload_id: UUID) -> None:
        """Forget an upload and its bytes. Raises NotFound, UploadConflict."""
        await self.get(caller, upload_id)
        async with self._database.begin(caller.tenant_id) as work:
            if not await self._records_on(work.connection).uploads.abandon(upload_id):
                raise UploadConflict("a video was made of this upload; erase the video instead")
        # The bytes go before the row: should we die in between, the sweep still knows where they are.
        await self._blobs.delete_prefix(upload_folder(caller.tenant_id, upload_id))
        async with self._database.begin(caller.tenant_id) as work:
            await self._records_on(work.connection).uploads.forget([upload_id])

    async def admit(self, work: UnitOfWork) -> None:
        """Raise StorageQuotaExceeded if what this transaction has stored or announced is too much for the tenant."""
        await self._admission.bytes_stored(work)

    async def _take_over(self, caller: Caller, upload_id: UUID, request_id: UUID) -> Callable[[], Awaitable[None]]:
        """Let this request send the bytes, and no other one; returns what raises UploadConflict once it may not."""
        witness.waits()
        async with self._database.begin(caller.tenant_id) as work:
            if not await self._records_on(work.connection).uploads.take(upload_id, request_id):
                raise UploadConflict(_RECEIVED)

        async def go_on() -> None:
            async with self._database.read(caller.tenant_id) as connection:
                mine = await self._records_on(connection).uploads.writes(upload_id, request_id)
            if not mine:
                await self.get(caller, upload_id)
                raise UploadConflict("another request sends the bytes of this upload now")

        return go_on

    async def _record(self, caller: Caller, upload: Upload, key: str, writer: BlobWriter) -> bool:
        async with self._database.begin(caller.tenant_id) as work:
            uploads = self._records_on(work.connection).uploads
            received = await uploads.receive(upload.id, key=key, size_bytes=writer.size, sha256=writer.sha256)
            if upload.expected_bytes is None:  # what was announced has had its room since then
                await self.admit(work)
            if received:
                witness.made(upload)
        return received

    async def require_quota(self, caller: Caller, size: int) -> None:
        """Refuse what cannot find room before it is read. Raises StorageQuotaExceeded."""
        async with self._database.read(caller.tenant_id) as connection:
            await self._admission.bytes_coming(self._records_on(connection), size)

    async def require_room(self, size: int) -> None:
        """Leave the disk some room: the servers may live on it, and work that runs needs some to end."""
        free = await self._blobs.free_bytes()
        if free is not None and free - size < self._min_free_bytes:
            raise StorageFull(_NO_ROOM_LEFT)

    async def _copy(
        self,
        content: AsyncIterator[bytes],
        writer: BlobWriter,
        upload: Upload,
        limit: int,
        go_on: Callable[[], Awaitable[None]],
    ) -> None:
        """Write in larger pieces than the network delivers: each write is a trip to a thread."""
        held, seen, looked = bytearray(), 0, time.monotonic()
        async for piece in content:
            held += piece
            self._check_limit(upload, writer.size + len(held), limit)
            if len(held) >= _PIECE:
                await writer.write(bytes(held))
                held.clear()
            if writer.size - seen >= _LOOK_BYTES or time.monotonic() - looked > _LOOK_S:
                await go_on()
                seen, looked = writer.size, time.monotonic()
        if held:
            await writer.write(bytes(held))

    def _check_size(self, upload: Upload, announced: int, limit: int) -> None:
        self._check_limit(upload, announced, limit)
        if upload.expected_bytes is not None and announced != upload.expected_bytes:
            raise ChecksumMismatch(f"{upload.expected_bytes} bytes were announced and {announced} are being sent")

    def _check_limit(self, upload: Upload, size: int, limit: int) -> None:
        if size <= limit:
            return
        if upload.expected_bytes is not None:
            raise TooLarge(f"more bytes came than the {upload.expected_bytes} that were announced")
        raise TooLarge(self.too_large())

    def _check_whole(self, upload: Upload, writer: BlobWriter) -> None:
        if upload.expected_bytes not in (None, writer.size):
            raise ChecksumMismatch(
                f"{upload.expected_bytes} bytes were announced and {writer.size} came; send it again"
            )
        if upload.expected_sha256 not in (None, writer.sha256):
            raise ChecksumMismatch(
                f"the bytes have the SHA-256 {writer.sha256}, not the announced one; send them again"
            )

    def too_large(self) -> str:
        """What whoever sends more than we take is told."""
        return f"an upload may have at most {self.max_bytes} bytes"
