"""Exports: everything a tenant has, streamed into one ZIP, in as much memory for a terabyte as for a page.

A ZIP is written front to back: what was written last is what has to be remembered, and that goes to the store at once.
An erasure ends exports that are being made and deletes those that are there, since what was erased may be in them.
"""

import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs, BlobWriter
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, Task
from contracts import uuid7
from gateway.domain.access import Caller, Role
from gateway.domain.erasures import PARTS
from gateway.domain.exports import EXPORTED_ROWS, WITHHELD, Export, export_key
from gateway.domain.refusals import NotFound, NotReady
from gateway.ports import RecordsOn
from gateway.usecases.results import Result

__all__ = ["EXPORT", "Exports", "File", "MakeExport", "Resource"]

EXPORT = "export"
_PAGE = 200


class _HasId(Protocol):
    @property
    def id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of thing, as it will be in the file: ``videos.json`` is a list of what ``GET /v1/videos`` shows."""

    name: str
    page: Callable[[Caller, UUID | None, int], Awaitable[Sequence[_HasId]]]
    shown: Callable[[Any], str]
    """As JSON."""


@dataclass(frozen=True, slots=True)
class File:
    """One blob, and what it is called in the file."""

    name: str
    key: str
    media: bool


Files = Callable[[Caller], AsyncIterator[File]]
Rows = Callable[[UUID, str, Collection[str]], AsyncIterator[Sequence[str]]]
"""A tenant's rows of a table, as JSON and without some columns, a page at a time."""


class Exports:
    """What a tenant's people do with exports."""

    def __init__(self, database: Database, blobs: Blobs, records_on: RecordsOn) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on

    async def ask(self, work: UnitOfWork, caller: Caller, *, media: bool) -> Export:
        """Have one made; while one like it is being made, that is the answer."""
        exports = self._records_on(work.connection).exports
        await work.hold("exports")
        running = await exports.running(media=media)
        if running is not None:
            return running
        export = Export(uuid7(), media, caller.user_id, datetime.now(UTC))
        await exports.add(export)
        payload = {"run": 1, "media": media, "user_id": str(caller.user_id)}
        await work.enqueue(
            step=EXPORT, kind=EXPORT, key=f"{EXPORT}/{export.id}", subject=export.id, priority="bulk", payload=payload
        )
        return export

    async def get(self, caller: Caller, export_id: UUID) -> Export:
        """One export. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            export = await self._records_on(connection).exports.get(export_id)
        if export is None:
            raise NotFound("there is no such export")
        return export

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Export]:
        """The newest exports, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).exports.page(before=before, limit=limit)

    async def content(self, caller: Caller, export_id: UUID) -> Result:
        """The file. Raises NotFound, NotReady."""
        export = await self.get(caller, export_id)
        key = export_key(caller.tenant_id, export_id)
        if export.state != "ready":
            raise NotReady(f"this export is {export.state}: it has no content")
        try:
            stat = await self._blobs.stat(key)
        except BlobNotFound:
            raise NotFound("there is no content any more") from None
        return Result(f"matchcut-{export.created_at:%Y-%m-%d}.zip", key, "application/zip", stat)


@dataclass(frozen=True, slots=True)
class MakeExport:
    """Writes the file."""

    database: Database
    blobs: Blobs
    records_on: RecordsOn
    resources: Sequence[Resource]
    rows: Rows
    files: Files

    async def __call__(self, task: Task) -> None:
        """Do one task. Nobody sees a file that is not whole."""
        caller = Caller(UUID(task.payload["user_id"]), task.tenant_id, Role.OWNER)
        async with self.blobs.writer(export_key(task.tenant_id, UUID(task.subject))) as writer:
            archive = _Archive(writer)
            for resource in self.resources:
                await archive.add(f"{resource.name}.json", _listed(resource, caller))
            for table, but in EXPORTED_ROWS.items():
                await archive.add(f"{table}.json", _rows(self.rows(task.tenant_id, table, but)))
            async for file in self.files(caller):
                if task.payload["media"] or not file.media:
                    await self._copy(archive, file)
            await archive.close(
                tenant_id=task.tenant_id, media=task.payload["media"], gone=await self._gone(task.tenant_id)
            )
        async with task.finish() as work:
            exports = self.records_on(work.connection).exports
            export_id, now = UUID(task.subject), datetime.now(UTC)
            await exports.finish(export_id, at=now, size_bytes=writer.size, sha256=writer.sha256)

    async def _gone(self, tenant_id: UUID) -> list[dict[str, str]]:
        """What of the videos that are here was deleted, when and why. Whose findings it was stands in their rows."""
        said: list[dict[str, str]] = []
        before: UUID | None = None
        while True:
            async with self.database.read(tenant_id) as connection:
                found = await self.records_on(connection).erasures.page(before=before, limit=_PAGE)
            for one in found:
                if one.kind in PARTS:
                    at, video_id = one.requested_at.isoformat(), str(one.subject_id)
                    said.append({"kind": one.kind, "video_id": video_id, "deleted_at": at, "reason": one.reason})
                    said[-1]["erasure_id"] = str(one.id)
            if len(found) < _PAGE:
                return said
            before = found[-1].id

    async def fail(self, task: Task, failure: Failure, work: UnitOfWork) -> None:
        """Say that there will be none."""
        exports = self.records_on(work.connection).exports
        await exports.fail(UUID(task.subject), failure.reason, at=datetime.now(UTC))

    async def _copy(self, archive: "_Archive", file: File) -> None:
        try:
            await self.blobs.stat(file.key)
        except BlobNotFound:  # erased since we were told of it
            return
        await archive.add(file.name, self.blobs.read(file.key), stored=file.media)


async def _listed(resource: Resource, caller: Caller) -> AsyncIterator[bytes]:
    """A JSON list, a page at a time."""
    before: UUID | None = None
    yield b"["
    while True:
        found = await resource.page(caller, before, _PAGE)
        lines = [resource.shown(one) for one in found]
        if lines:
            yield (",\n" if before else "\n").encode() + ",\n".join(lines).encode()
        if len(found) < _PAGE:
            break
        before = found[-1].id
    yield b"\n]\n"


async def _rows(pages: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
    """A JSON list of rows, a page at a time."""
    glue = "\n"
    yield b"["
    async for page in pages:
        if page:
            yield (glue + ",\n".join(page)).encode()
            glue = ",\n"
    yield b"\n]\n"


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size_bytes: int
    sha256: str


class _Archive:
    """A ZIP that is written to a blob as it grows."""

    def __init__(self, writer: BlobWriter) -> None:
        self._writer = writer
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", compression=zipfile.ZIP_DEFLATED, allowZip64=True)  # type: ignore[call-overload]
        self._members: list[_Member] = []

    async def add(self, name: str, content: AsyncIterator[bytes], *, stored: bool = False) -> None:
        """One member; films are compressed already."""
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self._zip.open(entry, "w", force_zip64=True) as member:
            async for piece in content:
                digest.update(piece)
                size += len(piece)
                member.write(piece)
                await self._flush()
        await self._flush()
        self._members.append(_Member(name, size, digest.hexdigest()))

    async def close(self, *, tenant_id: UUID, media: bool, gone: Sequence[Mapping[str, str]]) -> None:
        """The manifest, and the end."""
        said = {
            "tenant_id": str(tenant_id),
            "created_at": datetime.now(UTC).isoformat(),
            "media": media,
            "files": [asdict(member) for member in self._members],
            "withheld": dict(WITHHELD),
            "gone": list(gone),
        }
        self._zip.writestr("manifest.json", json.dumps(said, indent=2))
        self._zip.close()
        await self._flush()

    async def _flush(self) -> None:
        written = self._pipe.take()
        if written:
            await self._writer.write(written)


class _Pipe:
    """What ``zipfile`` takes for a file that cannot go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Hold it until it is taken."""
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing lies anywhere else."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._held = bytes(self._held), bytearray()
        return taken
