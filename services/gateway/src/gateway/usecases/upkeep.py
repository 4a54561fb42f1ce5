"""What has to be looked after without being asked: erasures nobody answers, and what is kept for too long.

A tenant that was erased leaves an audit, which is kept for as long as that tenant said, and perhaps an erasure that is
not concluded: it is looked after like any other, until nothing is left.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.ports import RecordsOn
from gateway.usecases.sweep import each_departed, each_tenant
from gateway.usecases.troubles import Troubles

__all__ = ["Chore", "Upkeep"]

_log = get_logger(__name__)
Chore = Callable[[UUID], Awaitable[int]]
"""Something to do for one tenant; returns how much there was to do."""


class Upkeep:
    """Does its chores for tenant after tenant, again and again. Each chore sees to it that two replicas do no harm."""

    def __init__(self, database: Database, records_on: RecordsOn, chores: Sequence[Chore], *, every_s: float) -> None:
        self._database = database
        self._records_on = records_on
        self._chores = chores
        self._every_s = every_s

    async def run(self) -> None:
        """Go round until cancelled. Replicas that start together do not go round together."""
        while True:
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.0))
            try:
                await self()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                _log.warning("the upkeep waits", error=repr(error))

    async def __call__(self) -> int:
        """One round over all tenants; returns how much there was to do. Raises the first error at the end."""
        total, troubles = 0, Troubles("upkeep")
        async for tenant_id in each_tenant(self._database, self._records_on):
            total += await self._look_after(tenant_id, troubles)
        async for tenant_id in each_departed(self._database, self._records_on):
            before = troubles.count
            total += await self._look_after(tenant_id, troubles)
            if troubles.count == before:
                async with self._database.begin(tenant_id) as work:
                    await self._records_on(work.connection).erasures.rest()
        troubles.tell()
        return total

    async def _look_after(self, tenant_id: UUID, troubles: Troubles) -> int:
        total = 0
        for chore in self._chores:
            with troubles.of(tenant_id):
                total += await chore(tenant_id)
        return total
