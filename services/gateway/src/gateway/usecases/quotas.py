"""What the operator sets for one tenant."""

from dataclasses import replace
from uuid import UUID

from chassis.database import Database
from gateway.domain.quotas import OwnQuotas
from gateway.domain.refusals import InvalidRequest
from gateway.ports import RecordsOn

__all__ = ["SetQuotas"]

_NO_TENANT = UUID(int=0)


class SetQuotas:
    """Looks up and changes how much a tenant may have."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on

    async def __call__(self, tenant: str, changes: dict[str, int | None]) -> OwnQuotas:
        """What is set for the tenant of this name, after these changes. Raises InvalidRequest for an unknown one."""
        async with self._database.begin(_NO_TENANT) as work:
            tenant_id = await self._records_on(work.connection).people.tenant_named(tenant)
        if tenant_id is None:
            raise InvalidRequest(f"there is no tenant called {tenant!r}")
        async with self._database.begin(tenant_id) as work:
            await work.hold("quotas")
            quotas = self._records_on(work.connection).quotas
            own = replace(await quotas.own(), **changes)
            if changes:
                await quotas.set_own(own)
        return own
