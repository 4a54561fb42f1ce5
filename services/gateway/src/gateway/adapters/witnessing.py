"""A database that writes the audit: what somebody changes and that they did are one commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from typing_extensions import override

from chassis.database import UnitOfWork
from gateway.adapters.changes import TellingDatabase
from gateway.adapters.postgres.audit import PostgresAudit
from gateway.usecases import witness

__all__ = ["WitnessedDatabase"]


class WitnessedDatabase(TellingDatabase):
    """Writes the deed at hand in the first transaction of its tenant that changes something; once a request."""

    @override
    @asynccontextmanager
    async def begin(self, tenant_id: UUID) -> AsyncIterator[UnitOfWork]:
        """One transaction for one tenant, with the line of the audit that belongs to it."""
        deed = witness.current()
        entry = None
        async with super().begin(tenant_id) as work:
            yield work
            if deed is not None and deed.actor is not None and deed.actor.tenant_id == tenant_id:
                entry = deed.entry("done") if deed.writes and not deed.waits and not deed.recorded else None
            if entry is not None:
                await PostgresAudit(work.connection).add(entry)
        if deed is not None and entry is not None:
            deed.recorded = True
