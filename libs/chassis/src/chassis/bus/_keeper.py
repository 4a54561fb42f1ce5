"""The chores around the streams a service hears. Every replica does them; each step is one script, so none twice."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

from chassis.bus import _scripts
from chassis.bus._delivery import Deliveries, Entry
from chassis.bus._names import dead_letters, delayed
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_REAPED, GROUP_LAG, GROUP_PENDING, LETTERS_DEAD

__all__ = ["Keeper"]

_log = get_logger("chassis.bus")
_SWEEP_S = 2.0
"""How often retries that another replica scheduled are looked for; our own wake us when due."""
_CONSUMER_IDLE_MS = 3_600_000
"""A consumer that holds nothing and was silent for an hour belongs to a process that is gone."""


class Keeper:
    """Puts due retries back, takes entries from silent consumers, trims, forgets dead consumers, and measures."""

    def __init__(
        self,
        redis: Any,
        deliveries: Deliveries,
        *,
        service: str,
        streams: Sequence[str],
        lease_s: float,
        keep_s: float,
        tidy_s: float,
    ) -> None:
        self._redis = redis
        self._deliveries = deliveries
        self._service = service
        self._streams = streams
        self._lease_s = lease_s
        self._keep_s = keep_s
        self._tidy_s = tidy_s
        self._add_due = redis.register_script(_scripts.ADD_DUE)
        self._trim = redis.register_script(_scripts.TRIM)
        self._forget = redis.register_script(_scripts.FORGET_CONSUMERS)
        self._due: set[float] = set()
        self._wake = asyncio.Event()
        deliveries.on_retry = self.expect

    def expect(self, due: float) -> None:
        """Remember that a retry falls due at this Unix time."""
        self._due.add(due)
        self._wake.set()

    async def run(self) -> None:
        """Keep at it until cancelled. While Redis is away, wait."""
        next_reap = next_house = 0.0
        while True:
            try:
                await self.add_due()
                if time.monotonic() >= next_reap:
                    next_reap = time.monotonic() + max(0.5, self._lease_s / 3)
                    await self.reap()
                if time.monotonic() >= next_house:
                    next_house = time.monotonic() + self._tidy_s
                    await self.tidy()
            except (RedisError, OSError) as error:
                _log.warning("chores wait for Redis", error=repr(error))
                await asyncio.sleep(1)
            await self._pause()

    async def add_due(self) -> None:
        """Put every retry whose time has come back on its stream."""
        now = time.time()
        self._due = {due for due in self._due if due > now}
        async with self._redis.pipeline(transaction=False) as pipeline:
            for stream in self._streams:
                keys = [delayed(stream, self._service), stream]
                await self._add_due(keys=keys, args=[int(now * 1000), 100], client=pipeline)
            await pipeline.execute()

    async def reap(self) -> None:
        """Take what a silent consumer holds: its process died, or the reply that carried the entry was lost."""
        lease_ms = int(self._lease_s * 1000)
        for stream in self._streams:
            try:
                stale = await self._redis.xpending_range(stream, self._service, "-", "+", 100, idle=lease_ms)
            except ResponseError:
                continue  # the group is gone; the watcher makes it again
            for item in stale:
                await self._reap_one(stream, item["message_id"].decode(), item["consumer"].decode(), lease_ms)

    async def _reap_one(self, stream: str, entry_id: str, consumer: str, lease_ms: int) -> None:
        found = await self._redis.xrange(stream, entry_id, entry_id)
        attempt = int(found[0][1].get(b"attempt", b"1")) if found else 1
        entry = Entry(stream=stream, id=entry_id, attempt=attempt)
        if attempt >= self._deliveries.tries:
            gone = TimeoutError(f"consumer {consumer} fell silent while handling it, as did those before it")
            await self._deliveries.bury(entry, "consumer_lost", gone, idle_ms=lease_ms)
        elif await self._deliveries.settle(entry, "again", attempt=attempt + 1, idle_ms=lease_ms) == "again":
            FACTS_REAPED.labels(stream).inc()
            _log.warning("took a fact from a silent consumer", stream=stream, entry=entry_id, consumer=consumer)

    async def tidy(self) -> None:
        """Trim what every group has settled and nobody needs for a rebuild; forget dead consumers; measure."""
        keep_id = f"{int((time.time() - self._keep_s) * 1000)}-0"
        for stream in self._streams:
            try:
                await self._trim(keys=[stream], args=[keep_id])
                await self._forget(keys=[stream], args=[self._service, _CONSUMER_IDLE_MS])
                await self._measure(stream)
            except ResponseError:
                continue

    async def forget(self, consumer: str) -> None:
        """Take our own name out of the groups at a clean end, where it holds nothing."""
        for stream in self._streams:
            try:
                await self._forget(keys=[stream], args=[self._service, _CONSUMER_IDLE_MS, consumer])
            except (RedisError, OSError):
                return

    async def _measure(self, stream: str) -> None:
        for group in await self._redis.xinfo_groups(stream):
            if group["name"].decode() == self._service:
                GROUP_PENDING.labels(stream).set(group["pending"])
                GROUP_LAG.labels(stream).set(group.get("lag") or 0)
        LETTERS_DEAD.labels(stream).set(await self._redis.xlen(dead_letters(stream, self._service)))

    async def _pause(self) -> None:
        wait_s = min([_SWEEP_S, self._tidy_s, *(due - time.time() for due in self._due)])
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.01, wait_s)):
                await self._wake.wait()
