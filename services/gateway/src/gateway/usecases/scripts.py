"""Scripts: handed in and looked at."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.gateway import ScriptSubmitted
from gateway.domain.access import Caller
from gateway.domain.library import ColumnRole, Script, ScriptFormat, format_of
from gateway.domain.refusals import NotFound, TooLarge
from gateway.ports import RecordsOn
from gateway.usecases.admission import Admission
from gateway.usecases.indexing import NoteDocuments
from gateway.usecases.uploads import storage_full_refused

__all__ = ["Scripts"]


class Scripts:
    """What a tenant's people do with scripts."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        note: NoteDocuments,
        admission: Admission,
        *,
        max_bytes: int,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._note = note
        self._admission = admission
        self._max_bytes = max_bytes

    async def store(
        self,
        caller: Caller,
        *,
        filename: str,
        content: bytes,
        format: ScriptFormat | None,
        columns: Mapping[ColumnRole, str],
    ) -> Script:
        """Announce a script and store its bytes. Raises TooLarge, StorageQuotaExceeded, StorageFull.

        Announced first: should we die before it is recorded, the sweep knows what to delete.
        """
        if len(content) > self._max_bytes:
            raise TooLarge(f"a script may have at most {self._max_bytes} bytes", field="text")
        script_id = uuid7()
        script = Script(
            id=script_id,
            filename=filename,
            format=format or format_of(filename, content),
            key=f"original/{caller.tenant_id}/scripts/{script_id}",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            created_at=datetime.now(UTC),
            columns=columns,
        )
        async with self._database.begin(caller.tenant_id) as work:
            await self._records_on(work.connection).scripts.announce(script)
            await self._admission.bytes_stored(work)
        with storage_full_refused():
            await self._blobs.put_bytes(script.key, content)
        return script

    async def submit(self, work: UnitOfWork, script: Script) -> Script:
        """Record a stored script and say so. Raises TimeoutError if that took so long that its text was swept."""
        if not await self._records_on(work.connection).scripts.record(script.id):
            raise TimeoutError("the text of this script was stored too long ago")
        fact = ScriptSubmitted(
            script_id=script.id,
            key=script.key,
            filename=script.filename,
            format="fountain" if script.format == "fountain" else "text",
            sha256=script.sha256,
            read_as=script.format,
            columns={role: name for role, name in script.columns.items()},
        )
        await work.announce(fact, subject=script.id)
        await self._note.script(work, script_id=script.id, key=script.key)
        return script

    async def discard(self, caller: Caller, script: Script) -> None:
        """Delete the text of a script that was stored and then not recorded."""
        await self._blobs.delete(script.key)
        async with self._database.begin(caller.tenant_id) as work:
            await self._records_on(work.connection).scripts.forget([script.id])

    async def get(self, caller: Caller, script_id: UUID) -> Script:
        """One script. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            script = await self._records_on(connection).scripts.get(script_id)
        if script is None:
            raise NotFound("there is no such script")
        return script

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Script]:
        """The newest scripts, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).scripts.page(before=before, limit=limit)
