"""The caller's tenant. There is no other one to see."""

from collections.abc import Callable
from uuid import UUID

from chassis.database import Database
from gateway.domain.access import Caller
from gateway.domain.refusals import NameTaken, NotFound
from gateway.ports import RecordsOn

__all__ = ["Tenants"]


class Tenants:
    """The tenant somebody belongs to."""

    def __init__(self, database: Database, records_on: RecordsOn) -> None:
        self._database = database
        self._records_on = records_on

    async def name(self, caller: Caller, tenant_id: UUID) -> str:
        """The tenant's name. Raises NotFound for any tenant but the caller's."""
        if tenant_id != caller.tenant_id:
            raise NotFound("there is no such tenant")
        async with self._database.read(caller.tenant_id) as connection:
            name = await self._records_on(connection).people.tenant_name()
        if name is None:
            raise NotFound("there is no such tenant")
        return name

    async def rename(
        self, caller: Caller, tenant_id: UUID, name: str, *, unless: Callable[[str], None] = lambda _: None
    ) -> str:
        """Give the tenant another name; ``unless`` may object to the one it has. Raises NotFound, NameTaken."""
        await self.name(caller, tenant_id)
        async with self._database.begin(caller.tenant_id) as work:
            people = self._records_on(work.connection).people
            unless(await people.tenant_name(lock=True) or "")
            if not await people.rename_tenant(name):
                raise NameTaken("another tenant has this name", field="name")
        return name
