"""The audit, written where no transaction of the deed itself can, and read."""

import time
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.audit import AuditFilter, Entry
from gateway.ports import RecordsOn

__all__ = ["AuditLog"]

_AGAIN_S = 60.0
"""The same caller from the same address at the same thing with the same outcome is noted once in so long: a player asks
for a film in a hundred parts, and a program that polls for what is not there does it all day."""
_MEMORY = 10_000
_PAGE = 500


class AuditLog:
    """Writes what was refused and what was taken out, and reads it all."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on
        self._lately: dict[tuple[object, ...], float] = {}

    async def write(self, tenant_id: UUID, entry: Entry) -> None:
        """Write one line, in a transaction of its own."""
        async with self._database.begin(tenant_id) as work:
            await self._records_on(work.connection).audit.add(entry)

    async def write_once(self, tenant_id: UUID, entry: Entry) -> None:
        """Write one line, unless one that says the same was written here within the last minute."""
        who = (tenant_id, entry.user_id, entry.session_id, entry.key_id, entry.address)
        said = (*who, entry.action, entry.resource, entry.status)
        now = time.monotonic()
        if now - self._lately.get(said, float("-inf")) < _AGAIN_S:
            return
        await self.write(tenant_id, entry)
        if len(self._lately) >= _MEMORY:
            self._lately = {key: at for key, at in self._lately.items() if now - at < _AGAIN_S}
        if len(self._lately) < _MEMORY:
            self._lately[said] = now

    async def page(self, caller: Caller, asked: AuditFilter, *, before: UUID | None, limit: int) -> Sequence[Entry]:
        """The newest lines that are meant, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).audit.page(asked, before=before, limit=limit)

    async def everything(self, caller: Caller, asked: AuditFilter) -> AsyncGenerator[Entry, None]:
        """All lines that are meant, newest first, a few at a time."""
        before: UUID | None = None
        while True:
            found = await self.page(caller, asked, before=before, limit=_PAGE)
            for entry in found:
                yield entry
            if len(found) < _PAGE:
                return
            before = found[-1].id
