"""Facts in: which handler hears which fact, and one transaction around each."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from chassis.bus._dead_letters import DeadLetters
from chassis.bus._groups import ensure_groups, missing_groups
from chassis.bus._names import consumer_name
from chassis.bus._ports import Subscription
from chassis.bus._purge import purge
from chassis.bus._wire import encode, redis_client
from chassis.database import Database, UnitOfWork
from chassis.database._unit import Commit
from chassis.telemetry import bound, get_logger, span
from chassis.telemetry.metrics import FACT_SECONDS, FACTS_HANDLED, FACTS_REPEATED
from contracts.event import Event, Fact

__all__ = ["Bus", "HandlerCancelled", "HandlerTooSlow"]

F = TypeVar("F", bound=Fact)
if TYPE_CHECKING:  # pydantic parametrises Event[F] at run time, and Callable then finds no variable left in it
    Handler = Callable[[Event[F], UnitOfWork], Awaitable[None]]
_log = get_logger("chassis.bus")
_LOSABLE_ENTRIES = 10_000
"""About how many entries a losable stream keeps."""
_TELL_TIMEOUT_S = 1.0


class HandlerTooSlow(Exception):
    """A handler takes milliseconds; this one was cut off, for those who wait behind it."""


class HandlerCancelled(RuntimeError):
    """A handler ended as if it had been cancelled, without anybody having asked: a fault of its own."""


class Bus:
    """Facts of other services, each handled in one transaction, once.

    ``lease_s``: a consumer silent for so long is taken for dead. ``tries`` and ``base_s``: how often, and from which
    wait on, a failing handler is tried. ``keep_s``: settled entries stay this long, so that a group made later still
    finds them; every ``tidy_s`` older ones are trimmed. ``grace_s``: how long handlers may take to end at a stop.
    ``patience_s``: a handler that takes longer is cut off, which counts as a failure.
    """

    def __init__(
        self,
        service: str,
        redis_url: str,
        database: Database,
        *,
        lease_s: float = 30.0,
        tries: int = 8,
        base_s: float = 0.5,
        keep_s: float = 86_400.0,
        grace_s: float = 5.0,
        tidy_s: float = 30.0,
        patience_s: float = 60.0,
    ) -> None:
        self.service = service
        self.redis_url = str(redis_url)
        self.database = database
        self.lease_s = lease_s
        self.tries = tries
        self.base_s = base_s
        self.keep_s = keep_s
        self.grace_s = grace_s
        self.tidy_s = tidy_s
        self.patience_s = patience_s
        self.consumer = consumer_name(service)
        self.subscriptions: dict[str, Subscription] = {}
        self._always: set[str] = set()
        self.redis: Any = redis_client(self.redis_url)
        self._purger: Callable[[UUID, Sequence[str], Container[str]], Awaitable[int]] = self._purge
        self._teller: Callable[[Event[Any]], Awaitable[None]] = self._send_losable
        self._alive: Callable[[], str | None] = lambda: "the bus has not started"

    def on(
        self, fact: type[F], *, gives_up_on: tuple[type[Exception], ...] = (), always: bool = False
    ) -> "Callable[[Handler[F]], Handler[F]]":
        """Register the handler of a fact; one per fact and service.

        The handler runs inside one transaction for the event's tenant, together with its inbox row: milliseconds, no
        network. An exception named in ``gives_up_on`` is final at once; any other is retried with backoff. ``always``:
        also hear it of a tenant that was erased.
        """

        def register(handler: "Handler[F]") -> "Handler[F]":
            if fact.stream in self.subscriptions:
                raise ValueError(f"{self.service} has a handler for {fact.stream} already; let one call the other")
            if always:
                self._always.add(fact.stream)
            self.subscriptions[fact.stream] = Subscription(fact, handler, gives_up_on)
            return handler

        return register

    async def tell(self, event: Event[Any]) -> None:
        """Put an event on its capped stream, now, outside any transaction. It may get lost, and never raises for it."""
        await self._teller(event)

    async def forget(self, about: UUID, *, announced: Sequence[str] = (), sparing: Container[str] = ()) -> int:
        """Take out of Redis every entry of the ``announced`` streams, and everything we could not handle or will try
        again, in which this id stands; returns how many there were. Raises what Redis raises.

        On the streams named in ``sparing`` what some group has not settled yet stays: it speaks of something that lives
        on, too.
        """
        return await self._purger(about, announced, sparing)

    async def _purge(self, about: UUID, announced: Sequence[str], sparing: Container[str]) -> int:
        return await purge(
            self.redis,
            service=self.service,
            heard=list(self.subscriptions),
            announced=announced,
            about=about,
            sparing=sparing,
        )

    async def _send_losable(self, event: Event[Any]) -> None:
        data = encode(
            event.model_dump_json(),
            message_id=str(event.id),
            correlation_id=str(event.jobid or event.id),
            traceparent=event.traceparent,
        )
        try:
            async with asyncio.timeout(_TELL_TIMEOUT_S):
                await self.redis.xadd(event.type, {"__data__": data}, maxlen=_LOSABLE_ENTRIES, approximate=True)
        except (OSError, TimeoutError) as error:
            _log.debug("a losable event was lost", stream=event.type, error=repr(error))
        except Exception as error:  # noqa: BLE001 (losable by contract: work must not fail for want of a progress bar)
            _log.warning("a losable event was lost", stream=event.type, error=repr(error))

    async def deliver(self, event: Event[Any]) -> bool:
        """Handle one event in one commit; False if it was handled before."""
        return await self.deliver_all([event]) == 1

    async def deliver_all(self, events: Sequence[Event[Any]], *, begins: Callable[[], None] = lambda: None) -> int:
        """Handle these events in one commit, or none of them; returns how many were not handled before.

        ``begins`` is called as each of them is begun.

        In an order that is the same for all who hold the same events, so that they do not lock each other out.
        """
        events = sorted(events, key=_what_it_is_about)
        async with self.database._begin_many() as commit:
            fresh = await commit.receive(events, always=self._always)
            handled = []
            for event in events:
                if event.id in fresh:
                    fresh.remove(event.id)
                    begins()
                    await self._handle(event, commit)
                    handled.append(event)
        for event in handled:
            FACTS_HANDLED.labels(event.type).inc()
        if len(handled) < len(events):
            FACTS_REPEATED.labels(events[0].type).inc(len(events) - len(handled))
        return len(handled)

    async def _handle(self, event: Event[Any], commit: Commit) -> None:
        started = time.monotonic()
        ids = {"event": event.id, "tenant": event.tenantid, "job": event.jobid}
        with bound(**ids), span(f"{event.type} handle", parent=event.traceparent, event_id=str(event.id)):
            try:
                async with asyncio.timeout(self.patience_s) as limit:
                    await self.subscriptions[event.type].handler(event, await commit.unit(event.tenantid))
            except TimeoutError:
                if not limit.expired():
                    raise
                raise HandlerTooSlow(f"the handler of {event.type} had not ended after {self.patience_s} s") from None
            except asyncio.CancelledError:
                ourselves = asyncio.current_task()
                if ourselves is None or ourselves.cancelling():
                    raise
                # Let through, it would end the reading of this stream without a word.
                raise HandlerCancelled(f"the handler of {event.type} was cancelled, and nobody had asked") from None
            finally:
                FACT_SECONDS.labels(event.type).observe(time.monotonic() - started)

    async def ensure_groups(self) -> list[str]:
        """Create this service's groups where they are missing; returns on which streams they were."""
        return await ensure_groups(self.redis, list(self.subscriptions), self.service)

    async def missing_groups(self) -> list[str]:
        """Streams this service hears and has no group on at this moment."""
        return await missing_groups(self.redis, list(self.subscriptions), self.service)

    def dead_letters(self) -> DeadLetters:
        """What this service gave up."""
        return DeadLetters(self.redis, service=self.service, streams=self.subscriptions)

    async def run(self, stop: asyncio.Event, *, lease_s: float | None = None) -> None:
        """Read facts until ``stop`` is set, then settle or hand back what is in hand.

        ``lease_s`` overrules the one given when the bus was made: an operator's setting, say.
        Raises SubscriberLost if reading ended for another reason and could not be resumed.
        """
        # Loaded only by a process that reads.
        from chassis.bus._reader import Reader

        self.lease_s = lease_s or self.lease_s
        reader = Reader(self)
        self._alive = reader.ailing
        try:
            await reader.run(stop)
        finally:
            self._alive = lambda: "the bus has stopped"

    def ailing(self) -> str | None:
        """Why this process is not reading facts, in words; None while it is."""
        return self._alive()

    async def close(self) -> None:
        """Close the connections to Redis."""
        with suppress(OSError):
            await self.redis.aclose()


def _what_it_is_about(event: Event[Any]) -> tuple[str, str]:
    return str(event.tenantid), str(event.jobid or event.subject)
