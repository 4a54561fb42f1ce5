"""The chores around the streams a service hears. Every replica does them; each step is one script, so none twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError, ResponseError

from chassis.bus import _scripts
from chassis.bus._delivery import BEGUN, LONGEST_WAIT_S, Deliveries, Entry
from chassis.bus._names import dead_letters, delayed
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import (
    DELAYED_OVERDUE,
    FACTS_DELAYED,
    FACTS_REAPED,
    GROUP_LAG,
    GROUP_OLDEST,
    GROUP_PENDING,
    LETTERS_DEAD,
)

__all__ = ["Keeper"]

_log = get_logger("chassis.bus")
_SWEEP_S = 2.0
"""How often retries that another replica scheduled are looked for; our own wake us when due."""
_CONSUMER_IDLE_MS = 3_600_000
"""A consumer that holds nothing and was silent for an hour belongs to a process that is gone."""
_MEASURE_S = 5.0
_COUNTED = 10_000
"""As far as unread entries are counted where Redis does not know."""
_LEAP_S = 1.0
"""A server's clock that goes wrong by more than this, against ours that never jumps, has been set."""


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
        self._rebase = redis.register_script(_scripts.REBASE)
        self._measure = redis.register_script(_scripts.MEASURE)
        self._clock: float | None = None
        self._next_due = _SWEEP_S
        self._wake = asyncio.Event()
        deliveries.on_retry = self._wake.set

    async def run(self) -> None:
        """Keep at it until cancelled. While Redis is away or full, each chore tries again in its own time."""
        chores = [
            (self.reap, max(0.5, self._lease_s / 3)),
            (self.tidy, self._tidy_s),
            (self.measure, min(_MEASURE_S, self._tidy_s)),
        ]
        due = [0.0 for _ in chores]
        while True:
            self._wake.clear()
            self._next_due = _SWEEP_S
            await self._attempt(self.add_due)
            for number, (chore, every_s) in enumerate(chores):
                if time.monotonic() >= due[number]:
                    due[number] = time.monotonic() + every_s
                    await self._attempt(chore)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, min(self._next_due, self._tidy_s))):
                    await self._wake.wait()

    async def _attempt(self, chore: Callable[[], Awaitable[None]]) -> None:
        """One chore's trouble is not the next one's: trimming is what a full Redis needs most."""
        try:
            await chore()
        except (RedisError, OSError) as error:
            _log.warning("a chore waits for Redis", chore=chore.__name__, error=repr(error))

    async def add_due(self) -> None:
        """Put every retry whose time has come back on its stream."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for stream in self._streams:
                keys = [delayed(stream, self._service), stream]
                await self._add_due(keys=keys, args=[100, int(LONGEST_WAIT_S * 1000)], client=pipeline)
            answers = await pipeline.execute()
        waits_ms = [next_ms for _, next_ms in answers if next_ms >= 0]
        self._next_due = min([_SWEEP_S, *(wait_ms / 1000 + 0.001 for wait_ms in waits_ms)])

    async def reap(self) -> None:
        """Take what a silent consumer holds: its process died, or the reply that carried the entry was lost."""
        lease_ms = int(self._lease_s * 1000)
        leapt = await self._clock_leapt()
        for stream in self._streams:
            try:
                if leapt:
                    await self._rebase(keys=[stream], args=[self._service, _COUNTED])
                    continue
                stale = await self._redis.xpending_range(stream, self._service, "-", "+", 100, idle=lease_ms)
            except ResponseError:
                continue  # the group is gone; the watcher makes it again
            for item in stale:
                begun = item["times_delivered"] == BEGUN
                consumer = item["consumer"].decode()
                await self._reap_one(stream, item["message_id"].decode(), consumer, lease_ms, begun=begun)

    async def _clock_leapt(self) -> bool:
        """Whether the server's clock was set since we last looked: silence measured across that is worth nothing."""
        asked = time.monotonic()
        seconds, micros = await self._redis.time()
        took = time.monotonic() - asked
        clock, before = seconds + micros / 1e6 - asked, self._clock
        self._clock = clock
        if before is None or abs(clock - before) < _LEAP_S + took:
            return False
        _log.warning("the clock of Redis was set; every lease starts anew", by_s=round(clock - before, 3))
        return True

    async def _reap_one(self, stream: str, entry_id: str, consumer: str, lease_ms: int, *, begun: bool) -> None:
        found = await self._redis.xrange(stream, entry_id, entry_id)
        number = found[0][1].get(b"attempt", b"1") if found else b"1"
        attempt = int(number) if number.isdigit() else 1
        entry = Entry(stream=stream, id=entry_id, attempt=attempt)
        if begun and attempt >= self._deliveries.tries:
            gone = TimeoutError(f"consumer {consumer} fell silent while handling it, as did those before it")
            await self._deliveries.bury(entry, "consumer_lost", gone, idle_ms=lease_ms)
        elif await self._deliveries.settle(entry, "again", attempt=attempt + begun, idle_ms=lease_ms) == "again":
            FACTS_REAPED.labels(stream).inc()
            _log.warning("took a fact from a silent consumer", stream=stream, entry=entry_id, consumer=consumer)

    async def tidy(self) -> None:
        """Trim what every group has settled and nobody needs for a rebuild; forget dead consumers."""
        for stream in self._streams:
            try:
                await self._trim(keys=[stream], args=[int(self._keep_s * 1000)])
                await self._forget(keys=[stream], args=[self._service, _CONSUMER_IDLE_MS])
            except ResponseError:
                continue

    async def measure(self) -> None:
        """How far behind this service is, on every stream it hears."""
        for stream in self._streams:
            keys = [stream, delayed(stream, self._service), dead_letters(stream, self._service)]
            try:
                pending, oldest_ms, unread, waiting, overdue_ms, dead = await self._measure(
                    keys=keys, args=[self._service, _COUNTED]
                )
            except ResponseError:
                continue
            GROUP_PENDING.labels(stream).set(pending)
            GROUP_OLDEST.labels(stream).set(oldest_ms / 1000)
            GROUP_LAG.labels(stream).set(unread)
            FACTS_DELAYED.labels(stream).set(waiting)
            DELAYED_OVERDUE.labels(stream).set(overdue_ms / 1000)
            LETTERS_DEAD.labels(stream).set(dead)

    async def forget(self, consumer: str) -> None:
        """Take our own name out of the groups at a clean end, where it holds nothing."""
        for stream in self._streams:
            try:
                await self._forget(keys=[stream], args=[self._service, _CONSUMER_IDLE_MS, consumer])
            except (RedisError, OSError):
                return
