"""How many jobs are unfinished, how many messages and erasures wait, for whoever watches /metrics."""

import asyncio

from prometheus_client import Gauge

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.adapters.postgres.delivery_queue import PostgresDeliveryQueue
from gateway.adapters.postgres.erasures import PostgresErasures
from gateway.adapters.postgres.jobs import PostgresJobs

__all__ = [
    "ERASURES_OLDEST",
    "ERASURES_WAITING",
    "JOBS_UNFINISHED",
    "WEBHOOKS_OVERDUE",
    "WEBHOOKS_WAITING",
    "Tally",
]

_log = get_logger(__name__)
_EVERY_S = 10.0

JOBS_UNFINISHED = Gauge("gateway_jobs_unfinished", "Jobs of all tenants that are queued or running.")
WEBHOOKS_WAITING = Gauge("gateway_webhooks_waiting", "Messages to webhooks that have not arrived and will be tried.")
WEBHOOKS_OVERDUE = Gauge(
    "gateway_webhooks_overdue_seconds", "How long the first message that is due and not on its way has been so."
)
ERASURES_WAITING = Gauge("gateway_erasures_waiting", "Erasures of all tenants that have no receipt yet.")
ERASURES_OLDEST = Gauge("gateway_erasures_oldest_seconds", "How long ago the oldest of them was asked for.")


class Tally:
    """Looks again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Keep the gauge right until cancelled."""
        while True:
            try:
                await self()
            except Exception as error:  # noqa: BLE001 (a number that is late is better than a gateway that ends)
                _log.debug("what waits could not be counted", error=repr(error))
            await asyncio.sleep(_EVERY_S)

    async def __call__(self) -> None:
        """Look once."""
        async with self._database.begin_untenanted() as connection:
            JOBS_UNFINISHED.set(await PostgresJobs(connection).unfinished())
            waiting, overdue_s = await PostgresDeliveryQueue.waiting(connection)
            erasures, oldest_s = await PostgresErasures.waiting(connection)
        WEBHOOKS_WAITING.set(waiting)
        WEBHOOKS_OVERDUE.set(overdue_s)
        ERASURES_WAITING.set(erasures)
        ERASURES_OLDEST.set(oldest_s)
