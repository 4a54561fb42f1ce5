"""How many jobs are unfinished and how many messages wait, for whoever watches /metrics."""

import asyncio

from prometheus_client import Gauge

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.adapters.postgres.delivery_queue import PostgresDeliveryQueue
from gateway.adapters.postgres.jobs import PostgresJobs

__all__ = ["JOBS_UNFINISHED", "WEBHOOKS_OVERDUE", "WEBHOOKS_WAITING", "Tally"]

_log = get_logger(__name__)
_EVERY_S = 10.0

JOBS_UNFINISHED = Gauge("gateway_jobs_unfinished", "Jobs of all tenants that are queued or running.")
WEBHOOKS_WAITING = Gauge("gateway_webhooks_waiting", "Messages to webhooks that have not arrived and will be tried.")
WEBHOOKS_OVERDUE = Gauge(
    "gateway_webhooks_overdue_seconds", "How long the first message that is due and not on its way has been so."
)


class Tally:
    """Looks again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Keep the gauge right until cancelled."""
        while True:
            try:
                async with self._database.begin_untenanted() as connection:
                    JOBS_UNFINISHED.set(await PostgresJobs(connection).unfinished())
                    waiting, overdue_s = await PostgresDeliveryQueue.waiting(connection)
                WEBHOOKS_WAITING.set(waiting)
                WEBHOOKS_OVERDUE.set(overdue_s)
            except Exception as error:  # noqa: BLE001 (a number that is late is better than a gateway that ends)
                _log.debug("jobs and messages could not be counted", error=repr(error))
            await asyncio.sleep(_EVERY_S)
