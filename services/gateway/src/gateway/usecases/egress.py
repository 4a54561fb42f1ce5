"""Counting bytes that go out, while they are sent: one who hangs up in the middle is charged for what they got.

Each replica counts by itself, by tenant and day, and enters its totals again and again. A total only grows, and the
books keep the highest: whatever fails may be tried again, and nothing is counted twice. A replica that is killed loses
what it sent since it entered last; one that is stopped loses nothing.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.domain.metering import PriceList, metered_egress
from gateway.ports import RecordsOn

__all__ = ["Egress"]

_log = get_logger(__name__)
Of = tuple[UUID, date]


class Egress:
    """What this replica has sent."""

    def __init__(self, database: Database, records_on: RecordsOn, prices: PriceList, *, every_s: float) -> None:
        self._database = database
        self._records_on = records_on
        self._prices = prices
        self._every_s = every_s
        self._replica = uuid4().hex
        self._sent: dict[Of, int] = {}
        self._entered: dict[Of, int] = {}

    def counter(self, tenant_id: UUID) -> Callable[[int], None]:
        """What to tell of every piece that has gone out to a tenant."""

        def count(size: int) -> None:
            of = (tenant_id, datetime.now(UTC).date())
            self._sent[of] = self._sent.get(of, 0) + size

        return count

    async def run(self) -> None:
        """Enter what was sent until cancelled."""
        while True:
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1.0))
            await self._try()

    async def close(self) -> None:
        """Enter what is left: nothing is sent any more."""
        await self._try()

    async def enter(self) -> None:
        """Enter what was sent since the last time."""
        today = datetime.now(UTC).date()
        for of, sent in list(self._sent.items()):
            tenant_id, day = of
            if self._entered.get(of, 0) < sent:
                metered = metered_egress(self._replica, day, sent)
                async with self._database.begin(tenant_id) as work:
                    await self._records_on(work.connection).usage.raise_to(metered, self._prices, day=day)
                self._entered[of] = sent
            elif day < today:  # it is over, and all of it is in the books
                del self._sent[of], self._entered[of]

    async def _try(self) -> None:
        try:
            await self.enter()
        except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
            _log.warning("what was sent is not in the books yet", error=repr(error))
