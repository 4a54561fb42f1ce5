"""Live events: what happens in a tenant, told to all who watch, and to those who come back what they missed.

One feed a tenant and replica, however many watch: it hears that something was committed, gives the new events their
places, and keeps the newest in memory. Who watches holds nothing but its own place; who is slow, or comes back from
far, reads from the log in pages, a few at a time. So neither memory nor connections grow with slow clients.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.domain.access import Caller
from gateway.domain.notices import EventType
from gateway.ports import Changes, RecordsOn
from gateway.ports.events import Extent, LoggedEvent
from gateway.usecases.watching import StillAllowed

__all__ = ["Beat", "Live", "Opened", "Reset", "Told", "Wanted"]

_log = get_logger(__name__)
_IN_MEMORY = 1000
_PAGE = 200
_READERS = 3
"""Transactions at once for all feeds and stragglers: the pool of connections is for people first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants."""

    types: frozenset[str] = frozenset()
    job_id: UUID | None = None
    video_id: UUID | None = None

    def __call__(self, event: LoggedEvent) -> bool:
        """Whether this is one of them."""
        return (
            (not self.types or event.type in self.types)
            and (self.job_id is None or event.job_id == self.job_id)
            and (self.video_id is None or event.video_id == self.video_id)
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """From here on."""

    position: int


@dataclass(frozen=True, slots=True)
class Reset:
    """What came before this place cannot be told any more: read anew what you need to know."""

    position: int


@dataclass(frozen=True, slots=True)
class Told:
    """One event."""

    event: LoggedEvent


@dataclass(frozen=True, slots=True)
class Beat:
    """Nothing that was wanted happened up to this place."""

    position: int


Said = Opened | Reset | Told | Beat


@dataclass
class _Feed:
    """What one tenant's watchers share in this replica."""

    events: deque[LoggedEvent] = field(default_factory=deque)
    floor: int = 0
    """All events behind this place are in memory."""
    last: int = 0
    erased: int = 0
    watchers: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def begin(self, events: Sequence[LoggedEvent], extent: Extent) -> None:
        """Take in what is there, and nothing of what was. ``extent`` was read before ``events``."""
        self.events = deque(events)
        self.last = max(extent.last, events[-1].position) if events else extent.last
        self.floor = events[0].position - 1 if events else extent.last
        self.erased = extent.erased
        self.begun.set()

    def append(self, events: Sequence[LoggedEvent]) -> None:
        """Take in what is new, and wake who watches."""
        for event in events:
            if event.type == EventType.VIDEO_ERASED:
                self.events = deque(one for one in self.events if one.video_id != event.video_id)
            self.events.append(event)
            self.last = event.position
        while len(self.events) > _IN_MEMORY:
            self.floor = self.events.popleft().position
        self.wake()

    def wake(self) -> None:
        """Let everybody look."""
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()

    def since(self, position: int) -> list[LoggedEvent] | None:
        """The events behind a place; None if some of them are not in memory any more."""
        if position < self.floor:
            return None
        found = []
        for event in reversed(self.events):
            if event.position <= position:
                break
            found.append(event)
        return found[::-1]


class Live:
    """Tells who watches, in one replica."""

    def __init__(
        self, database: Database, records_on: RecordsOn, changes: Changes, *, heartbeat_s: float, poll_s: float
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._changes = changes
        self._heartbeat_s = heartbeat_s
        self._poll_s = poll_s
        self._feeds: dict[UUID, _Feed] = {}
        self._readers = asyncio.Semaphore(_READERS)

    @property
    def feeds(self) -> int:
        """How many tenants are watched through this replica."""
        return len(self._feeds)

    async def watch(
        self, caller: Caller, *, after: int | None, wanted: Wanted, allowed: Callable[[], Awaitable[object]]
    ) -> AsyncGenerator[Said, None]:
        """What happens from now on, or behind the place ``after``, until this replica goes or ``allowed`` refuses."""
        clock = asyncio.get_running_loop().time
        async with self._joined(caller.tenant_id) as feed:
            opened = await self._open(caller.tenant_id, feed, after)
            yield opened
            place, told_at, still_allowed = opened.position, clock(), StillAllowed(allowed)
            while not self._changes.over:
                moved = feed.moved  # before we look: what comes meanwhile wakes us at once
                found = await self._behind(caller.tenant_id, feed, place)
                if found is None:
                    place = feed.last
                    yield Reset(place)
                    continue
                for event in found:
                    place = event.position
                    if wanted(event):
                        yield Told(event)
                        told_at = clock()
                if not await still_allowed():
                    return
                if not found and not await _set_within(moved, told_at + self._heartbeat_s - clock()):
                    yield Beat(place)
                    told_at = clock()

    async def _behind(self, tenant_id: UUID, feed: _Feed, place: int) -> Sequence[LoggedEvent] | None:
        """The next events behind a place; None if some of them are not kept any more."""
        found = feed.since(place)
        if found is not None:
            return found
        extent, read = await self._page(tenant_id, place)
        return None if place < extent.forgotten else read

    async def _open(self, tenant_id: UUID, feed: _Feed, after: int | None) -> Opened | Reset:
        if after is None:
            return Opened(feed.last)
        if feed.floor <= after <= feed.last:
            return Opened(after)
        extent, _ = await self._page(tenant_id, after, limit=1)
        return Opened(after) if extent.forgotten <= after <= extent.last else Reset(feed.last)

    async def _page(
        self, tenant_id: UUID, position: int, *, limit: int = _PAGE
    ) -> tuple[Extent, Sequence[LoggedEvent]]:
        async with self._readers, self._database.read(tenant_id) as connection:
            events = self._records_on(connection).events
            found = await events.after(position, limit=limit)
            return await events.extent(), found  # in this order: what was forgotten meanwhile does not go unnoticed

    @asynccontextmanager
    async def _joined(self, tenant_id: UUID) -> AsyncIterator[_Feed]:
        feed = self._feeds.get(tenant_id)
        if feed is None or feed.task is None or feed.task.done():
            feed = self._feeds[tenant_id] = _Feed()
            feed.task = asyncio.create_task(self._run(tenant_id, feed), context=Context())
        feed.watchers += 1
        try:
            await self._until_begun(feed)
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                feed.task.cancel() if feed.task else None
                if self._feeds.get(tenant_id) is feed:
                    del self._feeds[tenant_id]

    async def _until_begun(self, feed: _Feed) -> None:
        """Wait for the first look. Raises what it raised."""
        assert feed.task is not None, "whoever makes a feed starts it"
        begun = asyncio.create_task(feed.begun.wait())
        try:
            await asyncio.wait([begun, feed.task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if not feed.begun.is_set():
            await feed.task

    async def _run(self, tenant_id: UUID, feed: _Feed) -> None:
        async with self._changes.listen(tenant_id) as bell:
            async with self._readers, self._database.begin(tenant_id) as work:
                events = self._records_on(work.connection).events
                await events.number()
                extent = await events.extent()
                feed.begin(await events.latest(limit=_IN_MEMORY // 2), extent)
            while not self._changes.over:
                await bell.wait(self._heartbeat_s if self._changes.reliable else self._poll_s)
                try:
                    while await self._look(tenant_id, feed):
                        pass
                except Exception as error:  # noqa: BLE001 (what is away now is there at the next look)
                    _log.warning("events wait", error=repr(error))
                    await asyncio.sleep(self._poll_s)
            feed.wake()

    async def _look(self, tenant_id: UUID, feed: _Feed) -> bool:
        """Take in what is new; whether there may be more."""
        async with self._readers, self._database.begin(tenant_id) as work:
            events = self._records_on(work.connection).events
            await events.number()
            extent = await events.extent()
            if extent.erased != feed.erased:
                feed.begin(await events.latest(limit=_IN_MEMORY // 2), extent)
                feed.wake()
                return False
            found = await events.after(feed.last, limit=_PAGE)
        if found:
            feed.append(found)
        return len(found) == _PAGE


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return False
    return True
