"""Having old documents indexed, tenant by tenant."""

from uuid import UUID

from chassis.database import Database
from gateway.ports import RecordsOn

__all__ = ["BackFill"]

_NO_TENANT = UUID(int=0)
_TENANTS = 500


class BackFill:
    """Notes what is to be indexed; may be repeated, and interrupted."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on

    async def __call__(self, *, again: bool) -> int:
        """Note every document that is not indexed, or with ``again`` every document; returns how many wait now."""
        total, after = 0, None
        while True:
            async with self._database.read(_NO_TENANT) as connection:
                tenants = await self._records_on(connection).people.tenant_ids(after=after, limit=_TENANTS)
            for tenant_id in tenants:
                async with self._database.begin(tenant_id) as work:
                    total += await self._records_on(work.connection).search.note_missing(again=again)
            if len(tenants) < _TENANTS:
                return total
            after = tenants[-1]
