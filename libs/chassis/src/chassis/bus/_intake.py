"""Reading one stream: a batch at a time, no more than is soon handled, in one commit where all goes well.

A batch is handled in one transaction first. Should anything in it fail, nothing of it has happened, and its facts are
handled one by one, each by its own merits: no fact pays for its neighbour. What has failed before, or was in the hands
of a process that died, is handled alone from the start.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from redis.exceptions import RedisError, ResponseError

from chassis._failures import is_outage
from chassis.bus._delivery import BEGUN, WAITING, Deliveries, Entry
from chassis.bus._ports import Handles
from chassis.bus._wire import decode
from chassis.database._unit import envelope_of
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_FENCED
from contracts.event import Event, Fact

__all__ = ["Intake", "Undecodable"]

T = TypeVar("T")
_log = get_logger("chassis.bus")
_BLOCK_MS = 2000
"""How long one read waits. It is no delay: an entry ends it. It must stay under the client's 5 s socket timeout."""
_MOST = 128
"""Entries in hand at most."""
_BATCH_S = 0.25
"""How long a batch may take, by what its forerunners took: the others in it wait for so long, and no longer."""
_HOLD_S = 2.0
"""What is still waiting behind its neighbours after this long goes back to the stream, for whoever is free."""
_PATIENCE_S = 5.0
"""The longest pause between two attempts to reach a server that is away."""


class Undecodable(Exception):
    """The entry holds no fact of its stream, now or later."""


@dataclass(frozen=True)
class _Delivery:
    entry: Entry
    event: Event[Any]


class Intake:
    """Reads one stream for one service until told to stop. One batch in hand at a time."""

    def __init__(self, bus: Handles, stream: str, fact: type[Fact], deliveries: Deliveries, redis: Any) -> None:
        self.stream = stream
        self._bus = bus
        self._envelope = envelope_of(fact)
        self._deliveries = deliveries
        self._redis = redis
        self._in_hand: set[str] = set()
        self._done: list[str] = []
        self._pace_s = _BATCH_S / 16
        self._stop = asyncio.Event()
        self.looked_at = time.monotonic()
        """When it last asked for entries or began with one, on the monotonic clock. Asking in vain counts."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read and handle until ``stop``. What is in hand then is finished, what waits behind it is given back."""
        self._stop = stop
        failures = 0
        while not stop.is_set():
            self.looked_at = time.monotonic()
            try:
                await self._settle_done()
                if failures:  # an answer that never arrived may have held entries for us
                    await self._give_back()
                entries = await self._read()
                failures = 0
                if entries:
                    await self._take(entries)
            except (RedisError, OSError) as error:
                failures += 1
                await self._recover(error, failures)

    async def give_back(self) -> None:
        """Hand back whatever is still held, at the end; if Redis is away, leases run out instead."""
        try:
            await self._settle_done()
            await self._give_back()
        except (RedisError, OSError) as error:
            _log.warning("what is in hand could not be given back; its lease runs out", error=repr(error))

    async def _read(self) -> Sequence[tuple[bytes, Mapping[bytes, bytes]]]:
        count = max(1, min(_MOST, int(_BATCH_S / self._pace_s)))
        asking = {self.stream: ">"}
        read = asyncio.ensure_future(
            self._redis.xreadgroup(self._bus.service, self._bus.consumer, asking, count=count, block=_BLOCK_MS)
        )
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([read, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if not read.done():
                read.cancel()
        if not read.done():
            await asyncio.wait([read])
        if read.cancelled():
            return ()
        answer = read.result()
        return [entry for _, entries in answer or () for entry in entries]

    async def _recover(self, error: Exception, failures: int) -> None:
        """Make a lost group again at once; wait for a server that is away, or that came back as a replica."""
        if isinstance(error, ResponseError) and "NOGROUP" in str(error) and failures == 1:
            _log.warning("the group is gone and is made again, at 0", stream=self.stream)
            try:
                await self._bus.ensure_groups()
            except (RedisError, OSError):
                _log.debug("the group could not be made yet", stream=self.stream)
            else:
                return
        _log.warning("reading waits for Redis", stream=self.stream, failures=failures, error=repr(error))
        await self._pause(failures)

    async def _take(self, entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
        """Handle what was read, and let go of what could not be begun in time."""
        self._in_hand = {id_.decode() for id_, _ in entries}
        renewing = asyncio.create_task(self._renew())
        started = time.monotonic()
        try:
            deliveries = await self._decode(entries)
            fresh = [delivery for delivery in deliveries if delivery.entry.attempt == 1]
            alone = [delivery for delivery in deliveries if delivery.entry.attempt > 1]
            await self._wait(alone)
            if fresh and await self._together(fresh):
                fresh = []
            for delivery in [*fresh, *alone]:
                if self._stop.is_set() or time.monotonic() - started > _HOLD_S:
                    break
                await self._alone(delivery)
            seconds = (time.monotonic() - started) / len(entries)
            self._pace_s = max(0.000_1, 0.5 * self._pace_s + 0.5 * seconds)
        finally:
            renewing.cancel()
        await self._settle_done()
        if self._in_hand:
            await self._give_back()

    async def _decode(self, entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[_Delivery]:
        deliveries = []
        for id_, fields in entries:
            addressee = fields.get(b"for")
            if addressee is not None and addressee.decode(errors="replace") != self._bus.service:
                self._finish(id_.decode())  # another group's retry on the stream we share
                continue
            number = fields.get(b"attempt", b"1")
            attempt = int(number) if number.isdigit() else 1
            try:
                event = self._event(fields)
            except Exception as error:  # noqa: BLE001 (whatever decoding raises: nobody can read this, now or later)
                await self._deliveries.bury(Entry(self.stream, id_.decode(), attempt), "undecodable", error)
                self._in_hand.discard(id_.decode())
                continue
            deliveries.append(_Delivery(Entry(self.stream, id_.decode(), attempt, str(event.id)), event))
        return deliveries

    def _event(self, fields: Mapping[bytes, bytes]) -> Event[Any]:
        data = fields.get(b"__data__")
        if data is None:
            raise Undecodable("the entry has no field __data__")
        try:
            event = self._envelope.model_validate_json(decode(data))
        except ValidationError as error:
            raise Undecodable(str(error)) from None
        if event.type != self.stream:
            raise Undecodable(f"the fact calls itself {event.type!r} and lies on the stream {self.stream!r}")
        return event

    async def _together(self, deliveries: Sequence[_Delivery]) -> bool:
        """Handle what was just read in one commit; False, and nothing has happened, if not all of it can be."""
        if self._stop.is_set():
            return False
        try:
            await self._bus.deliver_all([delivery.event for delivery in deliveries], begins=self._look)
        except Exception as error:  # noqa: BLE001 (whose it is shows when each is handled alone)
            away = await self._weather(error)
            if len(deliveries) == 1 and not away:
                await self._fail(deliveries[0], error)
                return True
            _log.info("a batch is handled one by one", stream=self.stream, size=len(deliveries), error=repr(error))
            await self._wait(deliveries)
            return False
        for delivery in deliveries:
            self._finish(delivery.entry.id)
        return True

    async def _wait(self, deliveries: Sequence[_Delivery]) -> None:
        """These are not begun yet, whatever becomes of this process."""
        if ids := [delivery.entry.id for delivery in deliveries]:
            await self._until_answered(lambda: self._deliveries.hold(self.stream, ids, stage=WAITING))

    async def _alone(self, delivery: _Delivery) -> None:
        """Handle one; what it raises is its own."""
        while not self._stop.is_set() and await self._begin(delivery.entry.id):
            try:
                await self._bus.deliver(delivery.event)
            except Exception as error:  # noqa: BLE001 (the boundary: retried, or given up with its reason)
                if await self._weather(error):
                    continue
                await self._fail(delivery, error)
            else:
                self._finish(delivery.entry.id)
            return

    async def _begin(self, id_: str) -> bool:
        """Whether it is still ours: another consumer may have been given what we let wait for too long."""
        ours = await self._until_answered(lambda: self._deliveries.hold(self.stream, [id_], stage=BEGUN))
        self.looked_at = time.monotonic()
        if ours is not None and id_ not in ours:
            FACTS_FENCED.labels(self.stream).inc()
            self._in_hand.discard(id_)
        return bool(ours)

    async def _fail(self, delivery: _Delivery, error: Exception) -> None:
        await self._deliveries.failed(delivery.entry, error)
        self._in_hand.discard(delivery.entry.id)

    async def _weather(self, error: Exception) -> bool:
        """If PostgreSQL is away, hold what is in hand until it is back, and say True: no fault of the fact's."""
        if not is_outage(error):
            return False
        failures = 0
        while not self._stop.is_set():
            self.looked_at = time.monotonic()
            try:
                await self._bus.database.ping()
            except Exception as away:  # noqa: BLE001 (whatever it says, it does not serve)
                failures += 1
                _log.warning("handling waits for PostgreSQL", failures=failures, error=repr(away))
                await self._pause(failures)
            else:
                break
        return failures > 0

    async def _until_answered(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says, once it does; None at a stop."""
        failures = 0
        while not self._stop.is_set():
            try:
                return await ask()
            except (RedisError, OSError) as error:
                if isinstance(error, ResponseError) and "NOGROUP" in str(error):
                    raise  # nobody holds anything any more; what is unhandled comes again
                failures += 1
                self.looked_at = time.monotonic()
                _log.warning("handling waits for Redis", stream=self.stream, failures=failures, error=repr(error))
                await self._pause(failures)
        return None

    async def _renew(self) -> None:
        """Keep the lease on all in hand, until cancelled; while Redis is away nobody can take it from us either."""
        while True:
            await asyncio.sleep(self._bus.lease_s / 3)
            try:
                await self._deliveries.hold(self.stream, sorted(self._in_hand))
            except (RedisError, OSError) as error:
                _log.warning("a lease could not be renewed", stream=self.stream, error=repr(error))

    def _look(self) -> None:
        self.looked_at = time.monotonic()

    def _finish(self, id_: str) -> None:
        self._in_hand.discard(id_)
        self._done.append(id_)

    async def _settle_done(self) -> None:
        if self._done:
            await self._deliveries.acknowledge(self.stream, self._done)
            self._done = []

    async def _give_back(self) -> None:
        returned = await self._deliveries.hand_back(self.stream)
        self._in_hand = set()
        if returned:
            _log.info("handed back what was not begun", stream=self.stream, count=returned)

    async def _pause(self, failures: int) -> None:
        """Wait as long as so many failures call for; a stop ends it."""
        wait_s = min(_PATIENCE_S, 0.05 * 2.0 ** min(failures, 12)) * random.uniform(0.5, 1.0)
        try:
            async with asyncio.timeout(wait_s):
                await self._stop.wait()
        except TimeoutError:
            return
