"""Videos whose bytes we fetch ourselves: a task, so that neither a broken connection nor a killed replica ends it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, LeaseLost, Task
from contracts import uuid7
from contracts.steps import Step
from gateway.domain.library import Rejection, Transfer, Upload, Video, title_of
from gateway.domain.refusals import InvalidRequest, StorageQuotaExceeded, TooLarge
from gateway.ports import RecordsOn, Seal
from gateway.ports.transfers import Fetch, Fetched, Source, SourceBroken, SourceRefused
from gateway.usecases.admission import Admission
from gateway.usecases.appending import Appending, Interrupted, Sums
from gateway.usecases.arrivals import Arrivals
from gateway.usecases.conclude import conclude_later
from gateway.usecases.duplicates import Wish, welcome
from gateway.usecases.uploads import Uploads, growing_key, upload_folder

__all__ = ["IMPORT", "Imports", "Wanted"]

IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file somewhere else, and what is known of it."""

    source: Source
    filename: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


class Imports:
    """Fetches files and hands them on as if they had been uploaded."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        *,
        fetch: Fetch,
        seal: Seal,
        uploads: Uploads,
        arrivals: Arrivals,
        admission: Admission,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._fetch = fetch
        self._seal = seal
        self._uploads = uploads
        self._arrivals = arrivals
        self._admission = admission
        self._sums = Sums()

    async def require(self, wanted: Wanted) -> Wanted:
        """What is wanted, by its name; says at once what would fail later.

        Raises InvalidRequest, TooLarge, StorageFull.
        """
        try:
            await self._fetch.check(wanted.source)
        except SourceRefused as refused:
            raise InvalidRequest(str(refused), field="source.url") from None
        if wanted.size_bytes is not None and wanted.size_bytes > self._uploads.max_bytes:
            raise TooLarge(self._uploads.too_large(), field="source.size_bytes")
        await self._uploads.require_room(wanted.size_bytes or 0)
        named = None if wanted.filename else await self._fetch.name(wanted.source)
        return replace(wanted, filename=_one_line(named)) if named else wanted

    async def begin(self, work: UnitOfWork, wanted: Wanted, wish: Wish) -> tuple[Video, bool]:
        """A video whose bytes are on their way, with the task that fetches them; or one that has them, and False.

        Raises DuplicateVideo, StorageQuotaExceeded, MinutesQuotaExceeded.
        """
        records, now = self._records_on(work.connection), datetime.now(UTC)
        if wanted.sha256 is not None:
            twin, suffices = await welcome(work, records, wanted.sha256, wish)
            if twin is not None and suffices:
                return twin, False
        upload = Upload(
            id=uuid7(),
            filename=wanted.filename or _filename_at(wanted.source.url),
            created_at=now,
            state="used",
            expected_bytes=wanted.size_bytes,
            expected_sha256=wanted.sha256,
        )
        await self._admission.video(work)
        await records.uploads.add(upload)
        await self._admission.bytes_stored(work)
        sealed = self._seal.close(json.dumps(asdict(wanted.source)).encode()).decode("ascii")
        await records.transfers.add(Transfer(upload.id, "url", now, length=wanted.size_bytes, source=sealed))
        video = Video(
            id=uuid7(),
            upload_id=upload.id,
            title=wish.title or title_of(upload.filename),
            filename=upload.filename,
            sha256="",
            size_bytes=0,
            created_at=now,
            state="importing",
            passthrough=wish.passthrough,
            on_duplicate=wish.on_duplicate,
        )
        await records.videos.add(video)
        await work.enqueue(
            step=Step.INGEST,
            kind=IMPORT,
            key=f"{video.id}/{IMPORT}",
            subject=video.id,
            payload={"run": 1, "upload_id": str(upload.id)},
        )
        return video, True

    async def __call__(self, task: Task) -> None:
        """Do one task. Raises SourceRefused, SourceBroken."""
        upload_id = UUID(task.payload["upload_id"])
        try:
            await self._import(task, upload_id)
        except (LeaseLost, asyncio.CancelledError):
            # An erasure may have deleted the bytes just before ours were written.
            await self._tidy(task.tenant_id, upload_id)
            raise

    async def give_up(self, task: Task, failure: Failure, work: UnitOfWork) -> None:
        """Nothing helps: say why."""
        upload_id = UUID(task.payload["upload_id"])
        await self._records_on(work.connection).transfers.forget_source(upload_id)
        await self._arrivals.failed(work, upload_id, Rejection(failure.reason, failure.detail))
        await self._blobs.delete_prefix(upload_folder(task.tenant_id, upload_id))  # they are not counted any more

    async def _import(self, task: Task, upload_id: UUID) -> None:
        transfer = await self._transfer(task.tenant_id, upload_id)
        if transfer is None:
            return
        source = self._opened(transfer)
        key = growing_key(task.tenant_id, upload_id)
        while True:
            here = await self._blobs.grown(key)
            try:
                length = await self._go_on(task, transfer, source, here)
                break
            except SourceBroken:
                transfer = await self._transfer(task.tenant_id, upload_id) or transfer
                if await self._blobs.grown(key) <= here:
                    raise  # a try is burned only where nothing came
        async with task.finish() as work:
            transfers = self._records_on(work.connection).transfers
            await transfers.set_length(upload_id, length)
            await transfers.forget_source(upload_id)
            await conclude_later(work, upload_id, sha256=self._sums.known(upload_id, length))

    async def _go_on(self, task: Task, transfer: Transfer, source: Source, here: int) -> int:
        """Fetch what is missing; the length of the whole. Raises SourceRefused, SourceBroken."""
        async with self._fetch(source, start=here, validator=transfer.validator) as fetched:
            self._require_small(transfer, fetched)
            await self._remember_version(task.tenant_id, transfer, fetched)
            await self._take_room(task.tenant_id, transfer, fetched.length or here)
            key = growing_key(task.tenant_id, transfer.upload_id)
            if fetched.start != here:
                await self._blobs.delete(key)
            await self._uploads.require_room((fetched.length or 0) - fetched.start)
            async with self._blobs.grow(key, fetched.start) as growth:
                whole = self._sums.take(transfer.upload_id, fetched.start)

                async def go_on() -> bool:
                    if fetched.length is None:
                        await self._take_room(task.tenant_id, transfer, growth.size)
                    await task.progress(growth.size / fetched.length if fetched.length else 0.0, "fetching the file")
                    return True

                most = fetched.length or self._uploads.max_bytes
                appending = Appending(growth, limit=most, checksum=None, whole=whole, go_on=go_on)
                try:
                    await appending(_interruptible(fetched))
                except Interrupted as broken:
                    self._sums.give_back(transfer.upload_id, growth.size, whole)
                    raise SourceBroken(str(broken)) from None
                except TooLarge:
                    raise SourceRefused("source_too_large", self._uploads.too_large()) from None
                self._sums.give_back(transfer.upload_id, growth.size, whole)
                length = growth.size
        await self._take_room(task.tenant_id, transfer, length)
        if fetched.length not in (None, length):
            raise SourceBroken(f"the source ended after {length} of {fetched.length} bytes")
        return length

    def _require_small(self, transfer: Transfer, fetched: Fetched) -> None:
        if (fetched.length or 0) > self._uploads.max_bytes:
            raise SourceRefused("source_too_large", self._uploads.too_large())
        if transfer.length is not None and fetched.length not in (None, transfer.length):
            detail = f"{transfer.length} bytes were announced and the source has {fetched.length}"
            raise SourceRefused("checksum_mismatch", detail)

    async def _take_room(self, tenant_id: UUID, transfer: Transfer, size: int) -> None:
        """Count so many bytes, of a file whose size was not announced. Raises SourceRefused if there is no room."""
        if transfer.length is not None:
            return
        try:
            async with self._database.begin(tenant_id) as work:
                await self._records_on(work.connection).uploads.expect(transfer.upload_id, size)
                await self._admission.bytes_stored(work)
        except StorageQuotaExceeded as full:
            raise SourceRefused("storage_quota_exceeded", full.detail) from None

    async def _remember_version(self, tenant_id: UUID, transfer: Transfer, fetched: Fetched) -> None:
        """What can be resumed is what has a name for its version; without one we begin again from the start."""
        async with self._database.begin(tenant_id) as work:
            await self._records_on(work.connection).transfers.set_version(transfer.upload_id, fetched.validator)

    async def _transfer(self, tenant_id: UUID, upload_id: UUID) -> Transfer | None:
        async with self._database.read(tenant_id) as connection:
            return await self._records_on(connection).transfers.get(upload_id)

    def _opened(self, transfer: Transfer) -> Source:
        opened = self._seal.open((transfer.source or "").encode())
        if opened is None:
            raise SourceRefused("source_lost", "the address was sealed with a secret the operator has changed since")
        values: Mapping[str, Any] = json.loads(opened)
        return Source(**values)

    async def _tidy(self, tenant_id: UUID, upload_id: UUID) -> None:
        if await self._transfer(tenant_id, upload_id) is None:
            await self._blobs.delete_prefix(upload_folder(tenant_id, upload_id))


async def _interruptible(fetched: Fetched) -> AsyncIterator[bytes]:
    """Its pieces, with an empty one each second without any, so that what came is kept meanwhile."""
    pieces = aiter(fetched.pieces)
    coming: asyncio.Future[bytes | None] = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=1.0)
            if not done:
                yield b""
                continue
            piece = coming.result()
            if piece is None:
                return
            yield piece
            coming = asyncio.ensure_future(anext(pieces, None))
    except SourceBroken as broken:
        raise Interrupted(str(broken)) from None
    finally:
        coming.cancel()
        await asyncio.wait({coming})


def _filename_at(url: str) -> str:
    """What the file is called, by the last part of its address."""
    return _one_line(unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))


def _one_line(name: str) -> str:
    """A name that came from elsewhere, as we keep names."""
    line = "".join(c if c.isprintable() else " " for c in name).strip()
    return line[-255:].strip() or "import"
