"""How many jobs are unfinished, for whoever watches /metrics."""

import asyncio

from prometheus_client import Gauge

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.adapters.postgres.jobs import PostgresJobs

__all__ = ["JOBS_UNFINISHED", "Tally"]

_log = get_logger(__name__)
_EVERY_S = 10.0

JOBS_UNFINISHED = Gauge("gateway_jobs_unfinished", "Jobs of all tenants that are queued or running.")


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
            except Exception as error:  # noqa: BLE001 (a number that is late is better than a gateway that ends)
                _log.debug("jobs could not be counted", error=repr(error))
            await asyncio.sleep(_EVERY_S)
