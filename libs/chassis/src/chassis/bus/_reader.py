"""All readers of one process, and the watch over them."""

import asyncio
import time

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chassis._endings import end
from chassis.bus._delivery import Deliveries
from chassis.bus._intake import Intake
from chassis.bus._keeper import Keeper
from chassis.bus._ports import Handles
from chassis.bus._wire import redis_client
from chassis.telemetry import get_logger

__all__ = ["Reader", "SubscriberLost"]

_log = get_logger("chassis.bus")
_WATCH_S = 2.0
_SILENCE_S = 30.0
_BOOT_S = 30.0
_ANSWER_S = 3.0
_AILING_S = 10.0
"""For so long the watch must find us ailing: a process that slept finds all its reads late, and then reads on."""


class SubscriberLost(RuntimeError):
    """A subscriber stopped reading and could not be brought back; the process must end and be restarted."""


class Reader:
    """One intake for each stream, the keeper of the chores, and a watcher over the groups."""

    def __init__(self, bus: Handles) -> None:
        self._bus = bus
        streams = list(bus.subscriptions)
        self._deliveries = Deliveries(
            bus.redis,
            service=bus.service,
            consumer=bus.consumer,
            tries=bus.tries,
            base_s=bus.base_s,
            gives_up_on={stream: known.gives_up_on for stream, known in bus.subscriptions.items()},
        )
        self._keeper = Keeper(
            bus.redis,
            self._deliveries,
            service=bus.service,
            streams=streams,
            lease_s=bus.lease_s,
            keep_s=bus.keep_s,
            tidy_s=bus.tidy_s,
        )
        # A connection for each read that waits, and no repeating in secret: a reply that was lost held entries.
        self._redis = redis_client(
            bus.redis_url, max_connections=2 * len(streams) + 2, retry=Retry(NoBackoff(), 0), client_name=bus.consumer
        )
        self._intakes = [
            Intake(bus, stream, known.fact, self._deliveries, self._redis)
            for stream, known in bus.subscriptions.items()
        ]
        self._reading: list[asyncio.Task[None]] = []
        self._postgres_hangs = False

    async def run(self, stop: asyncio.Event) -> None:
        """Read until ``stop``; raise what ended a reader, or SubscriberLost when Redis cannot be reached at all."""
        try:
            await self._reach_redis(stop)
            self._reading = [asyncio.create_task(intake.run(stop), name=intake.stream) for intake in self._intakes]
            chores = [asyncio.create_task(self._keeper.run()), asyncio.create_task(self._watch())]
            stopped = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([stopped, *chores, *self._reading], return_when=asyncio.FIRST_COMPLETED)
                for part in [*chores, *self._reading]:
                    if part.done() and not stop.is_set():
                        part.result()
                        raise SubscriberLost(f"a reader ended by itself: {part.get_name()}")
            finally:
                await end(stopped, *chores)
                await self._wind_down()
        finally:
            await self._redis.aclose()

    def ailing(self) -> str | None:
        """Why facts are not being read; None while they are."""
        if len(self._reading) < len(self._intakes):
            return "the subscribers are starting"
        stopped = [task.get_name() for task in self._reading if task.done()]
        if stopped:
            return f"no subscriber reads {', '.join(stopped)}"
        silent = self._silent()
        return None if self._postgres_hangs else silent

    def _silent(self) -> str | None:
        """Which intake has not asked for facts for too long; None if none has."""
        limit_s = max(_SILENCE_S, self._bus.patience_s + 10)
        for intake in self._intakes:
            silence_s = time.monotonic() - intake.looked_at
            if silence_s > limit_s:
                return f"Redis was last asked for facts of {intake.stream} {silence_s:.0f} s ago"
        return None

    async def _postgres_answers(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._bus.database.ping()
        except Exception:  # noqa: BLE001 (whatever it says, it does not serve)
            return False
        return True

    async def _wind_down(self) -> None:
        """Let handlers end within the grace period, then give back what is in hand without burning a try."""
        if self._reading:
            _, late = await asyncio.wait(self._reading, timeout=self._bus.grace_s)
            await end(*late)
        await asyncio.gather(*(intake.give_back() for intake in self._intakes))
        await self._keeper.forget(self._bus.consumer)

    async def _reach_redis(self, stop: asyncio.Event) -> None:
        """Make the groups; give a Redis that is starting too half a minute."""
        deadline = time.monotonic() + _BOOT_S
        while not stop.is_set():
            try:
                await self._bus.ensure_groups()
                return
            except (RedisError, OSError) as error:
                if time.monotonic() > deadline:
                    raise SubscriberLost(f"Redis does not answer: {error}") from error
                _log.warning("waiting for Redis", error=repr(error))
                await asyncio.sleep(0.5)

    async def _watch(self) -> None:
        """Make lost groups again before a read meets the loss: what comes in between is then read at once.

        Raises SubscriberLost when a reader hangs: not every supervisor asks a process how it is.
        """
        well_at = time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_S)
            # A server that hangs holds handlers up; ending the process would cost what else it does, and cure nothing.
            self._postgres_hangs = self._silent() is not None and not await self._postgres_answers()
            problem = self.ailing()
            if problem is None:
                well_at = time.monotonic()
            elif time.monotonic() - well_at > _AILING_S:
                raise SubscriberLost(problem)
            try:
                for stream in await self._bus.ensure_groups():
                    _log.warning("the group was gone and was made again, at 0", stream=stream)
            except (RedisError, OSError) as error:
                _log.warning("the watcher waits for Redis", error=repr(error))
