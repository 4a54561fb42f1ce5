"""How the surroundings are: servers, disk and memory. Looked at for /metrics, and told by /readyz."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from sqlalchemy import Float, cast, func, select
from sqlalchemy.exc import SQLAlchemyError

from chassis.blobs import Blobs, blobs_at
from chassis.database._signals import Signals
from chassis.database._tables import outbox
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import (
    BLOBS_FREE,
    OUTBOX_AGE,
    OUTBOX_ROWS,
    POSTGRES_UP,
    REDIS_MEMORY,
    REDIS_MEMORY_LIMIT,
    REDIS_UP,
    TASKS_BY_TENANT,
    TASKS_OLDEST,
)

if TYPE_CHECKING:
    from chassis.run._service import Service

__all__ = ["Vitals", "complaint"]

_log = get_logger("chassis.run")
_PROBE_S = 3.0
_EVERY_S = 5.0
_NEARLY_FULL = 0.95
_COUNTED = 100_000
"""As far as facts that wait in the outbox are counted."""
_NAMED_TENANTS = 20
"""Tenants with a time series of their own; the rest are added up. Series are what a metrics store runs out of."""


class Vitals:
    """What one replica sees of the servers it needs."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._blobs: Blobs = blobs_at(service.settings.blobs_url)

    async def run(self, signals: Signals) -> None:
        """Keep the gauges right until cancelled. What belongs to the service as a whole the leader alone tells."""
        while True:
            POSTGRES_UP.set(await complaint(self._service.database.ping()) is None)
            REDIS_UP.set(await complaint(self._service.bus.redis.ping()) is None)
            for measure in (
                self._measure_room(),
                self._measure_outbox(signals.leads),
                self._measure_tasks(signals.leads),
            ):
                problem = await complaint(measure)
                if problem:
                    _log.debug("something could not be measured", problem=problem)
            await asyncio.sleep(_EVERY_S)

    async def warnings(self) -> dict[str, str]:
        """What is no reason to take this replica out of rotation and yet wants somebody: no room, mostly."""
        found = {
            "blobs": await complaint(self._complain_of_disk()),
            "redis": await complaint(self._complain_of_memory()),
        }
        return {name: problem for name, problem in found.items() if problem}

    async def _complain_of_disk(self) -> None:
        free, least = await self._blobs.free_bytes(), self._service.settings.min_free_bytes
        if free is not None and free < least:
            raise LookupError(f"{free:,} bytes are free for blobs, and {least:,} should be: make room")

    async def _complain_of_memory(self) -> None:
        used, limit = await self._memory()
        if limit and used >= _NEARLY_FULL * limit:
            raise LookupError(f"Redis uses {used:,} of the {limit:,} bytes of its maxmemory: raise it")

    async def _memory(self) -> tuple[int, int]:
        known = await self._service.bus.redis.info("memory")
        return int(known["used_memory"]), int(known.get("maxmemory") or 0)

    async def _measure_room(self) -> None:
        free = await self._blobs.free_bytes()
        if free is not None:
            BLOBS_FREE.set(free)
        used, limit = await self._memory()
        REDIS_MEMORY.set(used)
        REDIS_MEMORY_LIMIT.set(limit)

    async def _measure_outbox(self, leads: bool) -> None:
        """Apart from the relay, which gets no further than Redis while that is away: then it matters most."""
        unsent = select(outbox.c.created_at).where(outbox.c.sent_batch.is_(None))
        waiting = unsent.order_by(outbox.c.position).limit(_COUNTED).subquery()
        age_s = cast(func.extract("epoch", func.now() - func.min(waiting.c.created_at)), Float)
        rows, oldest_s = 0, 0.0
        if leads:
            async with self._service.database.begin_untenanted() as connection:
                rows, oldest_s = (await connection.execute(select(func.count(), age_s).select_from(waiting))).one()
        OUTBOX_ROWS.set(rows)
        OUTBOX_AGE.set(oldest_s or 0.0)

    async def _measure_tasks(self, leads: bool) -> None:
        if self._service.work is None:
            return
        if not leads:
            TASKS_OLDEST.set(0)
            TASKS_BY_TENANT.clear()
            return
        state = await self._service.work.desk().state_of_affairs()
        TASKS_OLDEST.set(state.oldest_queued_s)
        ranked = sorted(state.in_flight.items(), key=lambda one: (-one[1], str(one[0])))
        TASKS_BY_TENANT.clear()
        for tenant_id, count in ranked[:_NAMED_TENANTS]:
            TASKS_BY_TENANT.labels(str(tenant_id)).set(count)
        if ranked[_NAMED_TENANTS:]:
            TASKS_BY_TENANT.labels("others").set(sum(count for _, count in ranked[_NAMED_TENANTS:]))


async def complaint(probe: Awaitable[object]) -> str | None:
    """Why the probe fails, in a line; None if it does not."""
    try:
        async with asyncio.timeout(_PROBE_S):
            await probe
    except (SQLAlchemyError, RedisError, OSError, TimeoutError, LookupError) as error:
        return f"{type(error).__name__}: {error}".removeprefix("LookupError: ")[:300]
    return None
