"""Reference pictures: handed in, looked at, forgotten, and named by jobs."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.gateway import LogoReference
from gateway.domain.access import Caller
from gateway.domain.logos import Logo
from gateway.domain.refusals import NotFound, StorageQuotaExceeded, TooLarge, TooManyLogos
from gateway.ports import Pictures, Records, RecordsOn
from gateway.usecases.admission import Admission
from gateway.usecases.uploads import storage_full_refused

__all__ = ["Logos", "references"]

_MOST_NAMED = 200


class Logos:
    """What a tenant's people do with their reference pictures."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        pictures: Pictures,
        admission: Admission,
        *,
        max_bytes: int,
        most: int,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._pictures = pictures
        self._admission = admission
        self.max_bytes = max_bytes
        self._most = most

    async def add(self, caller: Caller, *, name: str, content: bytes) -> tuple[Logo, bool]:
        """A picture, and whether it is new: the same bytes are one logo, whatever they are called.

        Raises TooLarge, UnusablePicture, TooManyLogos, StorageQuotaExceeded, StorageFull. The bytes are kept by what
        they are, so whoever dies between storing and recording them leaves nothing that the next try does not find.
        """
        if len(content) > self.max_bytes:
            raise TooLarge(f"a logo may have at most {self.max_bytes} bytes")
        measures = await self._pictures.measure(content)
        digest = hashlib.sha256(content).hexdigest()
        key = f"original/{caller.tenant_id}/logos/{digest}"
        logo = Logo(
            id=uuid7(),
            name=name,
            format=measures.format,
            width=measures.width,
            height=measures.height,
            size_bytes=len(content),
            sha256=digest,
            key=key,
            created_at=datetime.now(UTC),
        )
        with storage_full_refused():
            await self._blobs.put_bytes(key, content)
        async with self._database.begin(caller.tenant_id) as work:
            kept = await self._record(work, logo)
        await self._keep(key, content)
        return kept, kept.id == logo.id

    async def get(self, caller: Caller, logo_id: UUID) -> Logo:
        """One. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            logo = await self._records_on(connection).logos.get(logo_id)
        if logo is None:
            raise NotFound("there is no such logo")
        return logo

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Logo]:
        """The newest, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).logos.page(before=before, limit=limit)

    async def remove(self, caller: Caller, logo_id: UUID) -> None:
        """Forget one and its bytes; jobs that name it go without. Raises NotFound."""
        logo = await self.get(caller, logo_id)
        # The bytes go before the row: should we die in between, whoever asks again comes here again.
        await self._blobs.delete(logo.key)
        async with self._database.begin(caller.tenant_id) as work:
            await self._records_on(work.connection).logos.remove(logo_id)

    async def _record(self, work: UnitOfWork, logo: Logo) -> Logo:
        """The logo that has these bytes. One that finds no place takes them along: who brings the same waits for us."""
        logos = self._records_on(work.connection).logos
        count = await logos.count()
        kept = await logos.add(logo)
        try:
            if kept.id == logo.id and count >= self._most:
                raise TooManyLogos(f"you have {count} logos and {self._most} are allowed: remove one first")
            if kept.id == logo.id:
                await self._admission.bytes_stored(work)
        except (TooManyLogos, StorageQuotaExceeded):
            await self._blobs.delete(logo.key)
            raise
        return kept

    async def _keep(self, key: str, content: bytes) -> None:
        """Somebody may have removed the same picture just before ours was recorded."""
        try:
            await self._blobs.stat(key)
        except BlobNotFound:
            await self._blobs.put_bytes(key, content)


async def references(records: Records, asked: Sequence[UUID] | None) -> tuple[LogoReference, ...]:
    """The logos a job names, or all there are. Raises NotFound."""
    if asked is None:
        found = await records.logos.page(before=None, limit=_MOST_NAMED)
    else:
        found = await records.logos.some(asked)
        missing = set(asked) - {logo.id for logo in found}
        if missing:
            raise NotFound("there is no such logo", field="options.logos")
    return tuple(LogoReference(id=logo.id, name=logo.name, key=logo.key) for logo in found)
