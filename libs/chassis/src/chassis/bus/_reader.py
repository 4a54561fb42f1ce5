"""Reading facts with FastStream, in the one configuration that was measured to lose nothing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Connection
from redis.exceptions import RedisError
from typing_extensions import override

from chassis._endings import end
from chassis.bus._delivery import Deliveries, HandlerFailed
from chassis.bus._keeper import Keeper
from chassis.database._unit import envelope_of
from chassis.telemetry import get_logger

if TYPE_CHECKING:
    from chassis.bus._bus import Bus, Subscription

__all__ = ["Reader", "SubscriberLost"]

_log = get_logger("chassis.bus")
_POLL_MS = 1500
"""How long one read blocks. It is no delay: an entry wakes it. It must stay under the client's 5 s socket timeout."""
_WATCH_S = 2.0
_POLL_LIMIT_S = 30.0
_REVIVALS = 5
"""Times a subscriber may be lost within a minute before the process gives itself up."""
_BOOT_S = 30.0


class SubscriberLost(RuntimeError):
    """A subscriber stopped reading and could not be brought back; the process must end and be restarted."""


class _NoticedConnection(Connection):
    """Notes when a consumer last asked for entries, which is what liveness means."""

    last_poll: float = 0.0

    @override
    async def connect(self) -> None:
        # Trying to reach a Redis that is away is a sign of life too: a restart would not bring it back.
        _NoticedConnection.last_poll = time.monotonic()
        await super().connect()  # type: ignore[no-untyped-call]

    @override
    async def send_command(self, *args: Any, **kwargs: Any) -> None:
        if args and args[0] == "XREADGROUP":
            _NoticedConnection.last_poll = time.monotonic()
        await super().send_command(*args, **kwargs)


class Reader:
    """FastStream's broker with our delivery rules around it, and a watcher over it."""

    def __init__(self, bus: "Bus") -> None:
        self._bus = bus
        self._streams = list(bus.subscriptions)
        self._deliveries = Deliveries(
            bus.redis,
            service=bus.service,
            consumer=bus.consumer,
            lease_s=bus.lease_s,
            tries=bus.tries,
            base_s=bus.base_s,
            gives_up_on={stream: known.gives_up_on for stream, known in bus.subscriptions.items()},
        )
        self._keeper = Keeper(
            bus.redis,
            self._deliveries,
            service=bus.service,
            streams=self._streams,
            lease_s=bus.lease_s,
            keep_s=bus.keep_s,
            tidy_s=bus.tidy_s,
        )
        self._broker = self._build()
        self._lost_at: list[float] = []
        self._started = False

    async def run(self, stop: asyncio.Event) -> None:
        """Read until ``stop``; raise SubscriberLost when reading cannot go on."""
        await self._reach_redis()
        await self._broker.start()
        self._started = True
        _NoticedConnection.last_poll = time.monotonic()
        chores = [asyncio.create_task(self._keeper.run()), asyncio.create_task(self._watch())]
        ended = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([ended, *chores], return_when=asyncio.FIRST_COMPLETED)
            for chore in chores:
                if chore.done():
                    chore.result()
        finally:
            await end(ended, *chores)
            await self._broker.stop()
            await asyncio.sleep(0)  # FastStream cancels its tasks without waiting: let them say what they hold
            await self._deliveries.finish_last_words(3)
            await self._keeper.forget(self._bus.consumer)

    def ailing(self) -> str | None:
        """Why facts are not being read; None while they are."""
        if not self._started:
            return "the subscribers are starting"
        stopped = [name for name, known in self._subscribers() if not _reads(known)]
        if stopped:
            return f"no subscriber reads {', '.join(stopped)}"
        silence = time.monotonic() - _NoticedConnection.last_poll
        if self._streams and silence > _POLL_LIMIT_S:
            return f"Redis was last asked for facts {silence:.0f} s ago"
        return None

    def _build(self) -> RedisBroker:
        logger = logging.getLogger("chassis.bus.faststream")
        logger.setLevel(logging.WARNING)
        logger.filters[:] = [_Seldom()]
        broker = RedisBroker(
            self._bus.redis_url,
            logger=logger,
            log_level=logging.DEBUG,
            middlewares=[self._deliveries.middleware],
            ack_policy=AckPolicy.NACK_ON_ERROR,
            graceful_timeout=self._bus.grace_s,
            connection_class=_NoticedConnection,
        )
        for stream, subscription in self._bus.subscriptions.items():
            source = StreamSub(
                stream,
                group=self._bus.service,
                consumer=self._bus.consumer,
                polling_interval=_POLL_MS,
                max_records=1,
            )
            broker.subscriber(stream=source)(self._receiver(subscription))
        return broker

    def _receiver(self, subscription: "Subscription") -> Callable[..., Awaitable[None]]:
        async def receive(event: Any) -> None:
            try:
                await self._bus.deliver(event)
            except Exception as error:
                raise HandlerFailed from error

        receive.__annotations__ = {"event": envelope_of(subscription.fact), "return": None}
        receive.__name__ = f"on_{subscription.fact.__name__}"
        return receive

    async def _reach_redis(self) -> None:
        """Make the groups; give a Redis that is starting too half a minute."""
        deadline = time.monotonic() + _BOOT_S
        while True:
            try:
                await self._bus.ensure_groups()
                return
            except (RedisError, OSError) as error:
                if time.monotonic() > deadline:
                    raise SubscriberLost(f"Redis does not answer: {error}") from error
                _log.warning("waiting for Redis", error=repr(error))
                await asyncio.sleep(0.5)

    async def _watch(self) -> None:
        """Make lost groups again, and bring back subscribers that stopped for want of one."""
        while True:
            await asyncio.sleep(_WATCH_S)
            try:
                for stream in await self._bus.ensure_groups():
                    _log.warning("the group was gone and was made again, at 0", stream=stream)
                for name, known in self._subscribers():
                    if not _reads(known):
                        await self._revive(name, known)
            except (RedisError, OSError) as error:
                _log.warning("the watcher waits for Redis", error=repr(error))

    async def _revive(self, stream: str, subscriber: Any) -> None:
        now = time.monotonic()
        self._lost_at = [at for at in self._lost_at if now - at < 60] + [now]
        if len(self._lost_at) > _REVIVALS * max(1, len(self._streams)):
            raise SubscriberLost(f"the subscriber of {stream} stops again and again; see the log above")
        _log.warning("a subscriber had stopped and is started again", stream=stream)
        await subscriber.stop()
        await subscriber.start()

    def _subscribers(self) -> list[tuple[str, Any]]:
        known: list[Any] = list(self._broker.subscribers)
        return [(subscriber.stream_sub.name, subscriber) for subscriber in known]


def _reads(subscriber: Any) -> bool:
    return bool(subscriber.running) and any(not task.done() for task in subscriber.tasks)


class _Seldom(logging.Filter):
    """One line of a kind every ten seconds: a server that came back as a replica makes FastStream log in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        text = record.getMessage()[:80]
        if now - self._last.get(text, -10.0) < 10:
            return False
        if len(self._last) > 200:
            self._last.clear()
        self._last[text] = now
        return True
