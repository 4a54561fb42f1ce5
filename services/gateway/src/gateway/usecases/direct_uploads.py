"""Bytes that go straight to the bucket: we say where to, and look at them when they are there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from gateway.domain.access import Caller
from gateway.domain.library import Transfer, Upload
from gateway.domain.refusals import (
    DirectUploadUnavailable,
    InvalidRequest,
    NotFound,
    TooLarge,
    UploadConflict,
)
from gateway.ports import RecordsOn, Seal
from gateway.usecases.conclude import conclude_later
from gateway.usecases.uploads import Uploads, content_key

__all__ = ["DirectUploads", "Opened"]

_LONGEST = timedelta(days=7)
"""Google forgets a session after a week."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the bytes of an upload may be sent. Whoever has the address may: nobody else is told of it."""

    upload_id: UUID
    address: str


class DirectUploads:
    """The address is good for one object, of a name we chose and the length that was announced, and only once."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        uploads: Uploads,
        seal: Seal,
        *,
        lifetime_s: float,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._uploads = uploads
        self._seal = seal
        self._lifetime = min(timedelta(seconds=lifetime_s), _LONGEST)

    async def open(self, caller: Caller, *, size_bytes: int | None, origin: str | None) -> Opened:
        """Ask the bucket for an address, ahead of the transaction that makes the upload.

        Raises InvalidRequest, TooLarge, StorageQuotaExceeded, DirectUploadUnavailable.
        """
        if size_bytes is None:
            raise InvalidRequest("say how many bytes will come: the bucket takes no others", field="size_bytes")
        if size_bytes > self._uploads.max_bytes:
            raise TooLarge(self._uploads.too_large(), field="size_bytes")
        await self._uploads.require_quota(caller, size_bytes)
        upload_id = uuid7()
        key = content_key(caller.tenant_id, upload_id)
        address = await self._blobs.direct_upload(key, size=size_bytes, origin=origin)
        if address is None:
            raise DirectUploadUnavailable(
                "blobs are not in a bucket here: send the bytes by tus or PUT", field="direct"
            )
        return Opened(upload_id, address)

    async def announce(
        self, work: UnitOfWork, opened: Opened, *, filename: str, size_bytes: int | None, sha256: str | None
    ) -> Upload:
        """Make the upload that the address is for; its room is taken from now on. Raises StorageQuotaExceeded."""
        upload = await self._uploads.announce(
            work, filename=filename, size_bytes=size_bytes, sha256=sha256, upload_id=opened.upload_id
        )
        sealed = self._seal.close(opened.address.encode()).decode("ascii")
        transfer = Transfer(upload.id, "bucket", upload.created_at, length=size_bytes, source=sealed)
        await self._records_on(work.connection).transfers.add(transfer)
        return upload

    def expires_at(self, upload: Upload) -> datetime:
        """Until when the bytes must be there."""
        return upload.created_at + self._lifetime

    async def forsake(self, opened: Opened) -> None:
        """The upload did not come about: nobody shall send anything."""
        await self._blobs.end_direct_upload(opened.address)

    async def require_here(self, caller: Caller, upload_id: UUID) -> None:
        """Raise NotFound, or UploadConflict while the bytes are not in the bucket."""
        upload, _ = await self._find(caller, upload_id)
        if upload.state != "waiting":
            return
        try:
            await self._blobs.stat(content_key(caller.tenant_id, upload_id))
        except BlobNotFound:
            raise UploadConflict("the bytes are not in the bucket yet; send all of them first") from None

    async def conclude(self, work: UnitOfWork, upload_id: UUID) -> Upload:
        """Have what is there added up and checked; a repeat does nothing. Raises NotFound."""
        records = self._records_on(work.connection)
        if await records.uploads.whole(upload_id):
            await conclude_later(work, upload_id, sha256=None)
        upload = await records.uploads.get(upload_id)
        if upload is None:
            raise _none_such()
        return upload

    async def remove(self, caller: Caller, upload_id: UUID) -> None:
        """Forget an upload of whatever kind; if it waits for bytes, none can come any more.

        Raises NotFound, UploadConflict.
        """
        async with self._database.read(caller.tenant_id) as connection:
            transfer = await self._records_on(connection).transfers.get(upload_id)
        if transfer is not None and transfer.kind == "bucket":
            upload = await self._uploads.get(caller, upload_id)
            address = self._seal.open((transfer.source or "").encode())
            if upload.state == "waiting" and address is not None:
                await self._blobs.end_direct_upload(address.decode())
        await self._uploads.remove(caller, upload_id)

    async def _find(self, caller: Caller, upload_id: UUID) -> tuple[Upload, Transfer]:
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            upload, transfer = await records.uploads.get(upload_id), await records.transfers.get(upload_id)
        if upload is None or transfer is None or transfer.kind != "bucket":
            raise _none_such()
        return upload, transfer


def _none_such() -> NotFound:
    return NotFound("there is no such upload to the bucket")
