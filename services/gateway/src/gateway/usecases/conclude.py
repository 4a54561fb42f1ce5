"""Joining and checking what came in pieces: work of a task, since it may take minutes and must survive its worker."""

import asyncio
import hashlib
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, Task
from gateway.domain.library import Rejection, Transfer, Upload
from gateway.ports import RecordsOn
from gateway.usecases.arrivals import Arrivals
from gateway.usecases.uploads import content_key, growing_key, upload_folder

__all__ = ["CONCLUDE", "BytesMismatch", "Conclude", "conclude_later"]

CONCLUDE = "conclude_upload"
_STEP = "upload"


class BytesMismatch(Exception):
    """The bytes that came are not those that were announced."""

    reason = "checksum_mismatch"


async def conclude_later(work: UnitOfWork, upload_id: UUID, *, sha256: str | None) -> None:
    """Queue it, with the sum of the bytes where that is known already."""
    await work.enqueue(
        step=_STEP,
        kind=CONCLUDE,
        key=f"{upload_id}/{CONCLUDE}",
        subject=upload_id,
        payload={"run": 1, "sha256": sha256},
        priority="urgent",
    )


class Conclude:
    """Make one blob of what came, add it up, and say that it is here."""

    def __init__(self, database: Database, blobs: Blobs, records_on: RecordsOn, arrivals: Arrivals) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._arrivals = arrivals

    async def __call__(self, task: Task) -> None:
        """Do one task. Raises BytesMismatch."""
        upload_id = UUID(task.subject)
        async with self._database.read(task.tenant_id) as connection:
            records = self._records_on(connection)
            upload, transfer = await records.uploads.get(upload_id), await records.transfers.get(upload_id)
        if upload is None or transfer is None:
            await self._blobs.delete_prefix(upload_folder(task.tenant_id, upload_id))
            return
        key = content_key(task.tenant_id, upload_id)
        await self._join(task.tenant_id, transfer, key)
        size = (await self._blobs.stat(key)).size
        sha256 = task.payload["sha256"] or await self._sum(key)
        _require_announced(upload, size, sha256)
        async with task.finish() as work:
            wanted = await self._arrivals.arrived(work, upload_id, key=key, size_bytes=size, sha256=sha256)
            if wanted and transfer.parts:
                await self._records_on(work.connection).uploads.abandon_all(transfer.parts)
        if not wanted:
            await self._blobs.delete_prefix(upload_folder(task.tenant_id, upload_id))

    async def give_up(self, task: Task, failure: Failure, work: UnitOfWork) -> None:
        """Nothing helps: say why."""
        upload_id = UUID(task.subject)
        await self._arrivals.failed(work, upload_id, Rejection(failure.reason, failure.detail))
        await self._blobs.delete_prefix(upload_folder(task.tenant_id, upload_id))  # they are not counted any more

    async def _join(self, tenant_id: UUID, transfer: Transfer, key: str) -> None:
        if transfer.kind == "bucket":
            return  # it was put there whole
        if transfer.length == 0:
            await self._blobs.put_bytes(key, b"")
            return
        parts = transfer.parts or (transfer.upload_id,)
        try:
            await self._blobs.seal([growing_key(tenant_id, part) for part in parts], key)
        except BlobNotFound:
            # Done before by a worker that died then; its parts are gone already.
            await self._blobs.stat(key)

    async def _sum(self, key: str) -> str:
        digest = hashlib.sha256()
        async for piece in self._blobs.read(key):
            await asyncio.to_thread(digest.update, piece)
        return digest.hexdigest()


def _require_announced(upload: Upload, size: int, sha256: str) -> None:
    if upload.expected_bytes not in (None, size):
        raise BytesMismatch(f"{upload.expected_bytes} bytes were announced and {size} came; upload it again")
    if upload.expected_sha256 not in (None, sha256):
        raise BytesMismatch(f"the bytes have the SHA-256 {sha256}, not the announced one; upload them again")
