"""The audit, written where no transaction of the deed itself can, and read."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from uuid import UUID

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.audit import AuditFilter, Entry, Ration
from gateway.ports import RecordsOn

__all__ = ["AuditLog"]

_AGAIN_S = 60.0
"""The same caller from the same address at the same thing with the same outcome is noted once in so long: a player asks
for a film in a hundred parts, and a program that polls for what is not there does it all day."""
_MEMORY = 10_000
_REFUSALS, _REFUSAL_EVERY_S = 60, 60.0
"""So many refusals of one user are noted one by one, and then one in so long, which says how many it stands for: else
whoever may read a little could fill the audit with what they may not, or with what is not there."""
_PAGE = 500


class AuditLog:
    """Writes what was refused and what was taken out, and reads it all."""

    def __init__(
        self, database: Database, records_on: RecordsOn, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._clock = clock
        self._lately: dict[tuple[object, ...], float] = {}
        self._rations: dict[tuple[object, ...], Ration] = {}

    async def write(self, tenant_id: UUID, entry: Entry) -> None:
        """Write one line, in a transaction of its own."""
        async with self._database.begin(tenant_id) as work:
            await self._records_on(work.connection).audit.add(entry)

    async def write_once(self, tenant_id: UUID, entry: Entry) -> None:
        """Write one line, unless one that says the same was written here within the last minute.

        Of refusals each user has a ration.
        """
        who = (tenant_id, entry.user_id, entry.session_id, entry.key_id, entry.address)
        said = (*who, entry.action, entry.resource, entry.status)
        now = self._clock()
        if now - self._lately.get(said, float("-inf")) < _AGAIN_S:
            return
        if entry.outcome != "done":
            untold = self._ration(tenant_id, entry, now).take(now)
            if untold is None:
                return
            if untold:
                said_too = f"{untold} refusals before this one were not noted one by one"
                entry = replace(entry, remark="; ".join(filter(None, (entry.remark, said_too))))
        await self.write(tenant_id, entry)
        if len(self._lately) >= _MEMORY:
            self._lately = {key: at for key, at in self._lately.items() if now - at < _AGAIN_S}
        if len(self._lately) < _MEMORY:
            self._lately[said] = now

    def _ration(self, tenant_id: UUID, entry: Entry, now: float) -> Ration:
        """Whoever is not signed in may not use up what is there for those who are: anybody may try a password."""
        signed_in = entry.session_id is not None or entry.key_id is not None
        whose = (tenant_id, entry.user_id, signed_in)
        if whose not in self._rations:
            if len(self._rations) >= _MEMORY:
                self._rations = {key: one for key, one in self._rations.items() if not one.is_idle(now)}
            self._rations[whose] = Ration(now, at_once=_REFUSALS, every_s=_REFUSAL_EVERY_S)
        return self._rations[whose]

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
