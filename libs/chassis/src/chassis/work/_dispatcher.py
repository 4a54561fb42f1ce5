"""The leader's part: queued tasks go to the work stream in fair order, and lost ones come back to the queue."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.database._signals import Signals
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import TASKS, TASKS_RECONCILED
from chassis.work._fairness import FairChoice
from chassis.work._lanes import WHOLE, Lane
from chassis.work._queue import Sent, TaskQueue
from chassis.work._reconcile import Comparison
from chassis.work._store import InFlight, TaskStore
from chassis.work._stream import WorkStream

__all__ = ["Dispatcher"]

_log = get_logger("chassis.work")
_STATES = ("queued", "dispatched", "running")
_POLL_S = 1.0
_COUNT_S = 15.0
"""Between two looks at how much is queued: the one question whose cost grows with the queue."""
_HOUSEKEEPING_S = 60.0
_FORGOTTEN_AT_ONCE = 1000
_LEAP_S = 1.0
"""A clock that goes wrong by more than this, against ours that never jumps, has been set."""
_LONGEST_WAIT_S = 300.0
"""No task waits longer for its next try."""


class Dispatcher:
    """Keeps as many tasks in flight as live workers can take, ``backlog`` times over, and no more.

    So the stream stays short, and what is queued can still be cancelled, overtaken and shared out fairly.
    """

    def __init__(
        self,
        database: Database,
        store: TaskStore,
        stream: WorkStream,
        signals: Signals,
        *,
        lease_s: float,
        tenant_cap: int | None,
        backlog: int,
        keep_days: int,
        lane: Lane = WHOLE,
    ) -> None:
        self._database = database
        self._store = store
        self._lane = lane
        self._queue = TaskQueue(lane)
        self._stream = stream
        self._signals = signals
        self._lease_s = lease_s
        self._choice = FairChoice(tenant_cap=tenant_cap)
        self._backlog = backlog
        self._keep_days = keep_days
        self._reconcile_s = min(_POLL_S, max(0.25, lease_s / 4))
        self._next_reconcile = 0.0
        self._next_count = 0.0
        self._next_house = 0.0
        self._in_touch_since = float("-inf")
        self._last_look: float | None = None
        self._clock: float | None = None

    async def run(self) -> None:
        """Dispatch while this replica leads, until cancelled."""
        while True:
            await self._signals.until_leading()
            self._signals.forget("tasks")
            try:
                wait_s = await self.step()
            except Exception as error:  # noqa: BLE001 (whatever is away, the next round tries again)
                _log.warning("the dispatcher waits", error=repr(error))
                await asyncio.sleep(_POLL_S)
                continue
            await self._signals.wait("tasks", wait_s)

    async def step(self) -> float:
        """One round; returns after how many seconds the next one is due at the latest."""
        if time.monotonic() >= self._next_reconcile:
            await self.reconcile()
            self._next_reconcile = time.monotonic() + self._reconcile_s
        _, due_s = await self.dispatch()
        if time.monotonic() >= self._next_house:
            self._next_house = time.monotonic() + _HOUSEKEEPING_S
            await self._keep_house()
        wait_s = min(_POLL_S, self._next_reconcile - time.monotonic())
        return max(0.01, wait_s if due_s is None else min(wait_s, due_s))

    async def dispatch(self) -> tuple[int, float | None]:
        """Send as many tasks as there is room for; returns how many, and when the next waiting one falls due."""
        slots = await self._stream.live_slots(self._lease_s)
        async with self._database.begin_untenanted() as connection:
            await self._queue.steady(connection)
            outlook = await self._queue.outlook(connection)
            if outlook.due_s is not None and outlook.due_s <= 0:
                await self._queue.promote(connection)
                outlook = await self._queue.outlook(connection)
            sent = await self._choose(connection, outlook.priorities, slots * self._backlog + self._lane.ahead)
        # The commit came first: a worker that gets the entry must find the row. An entry that is then not sent is
        # missed at the next reconciliation, and the task is queued again.
        if sent:
            await self._stream.send([(task.id, task.token) for task in sent])
        return len(sent), outlook.due_s

    async def _choose(self, connection: AsyncConnection, priorities: Sequence[int], places: int) -> list[Sent]:
        """Mark dispatched what is next, as far as there are places, and return it in the order of its turns."""
        sent: list[Sent] = []
        if not priorities or places <= 0:
            return sent
        in_flight = Counter(await self._queue.in_flight(connection))
        free = places - in_flight.total()
        for priority in priorities:
            while free > 0:
                look_at = free + self._choice.full(in_flight)
                ring = await self._queue.ring(connection, priority, after=self._choice.after(priority), limit=look_at)
                shares = self._choice.shares(ring, in_flight, free)
                turns = await self._queue.dispatch(connection, priority, shares) if shares else []
                if not turns:
                    break
                self._choice.served(priority, turns[-1].tenant_id)
                in_flight.update(task.tenant_id for task in turns)
                free -= len(turns)
                sent += turns
        return sent

    async def reconcile(self) -> None:
        """Bring rows and stream together again, after whatever happened to either."""
        await self._stream.ensure()
        comparison = Comparison(await self._look())
        async for page in self._stream.pages(self._lease_s):
            useless = comparison.useless(page.parcels, page.held_silently)
            await self._stream.release([*useless, *page.foreign])
        lost = comparison.lost()
        if lost:
            async with self._database.begin_untenanted() as connection:
                requeued = await self._store.requeue(connection, lost)
            TASKS_RECONCILED.inc(requeued)
            _log.warning("tasks whose worker or entry was lost are queued again", count=requeued)
        if time.monotonic() >= self._next_count:
            self._next_count = time.monotonic() + _COUNT_S
            await self._count()

    async def _look(self) -> list[InFlight]:
        """The rows in flight. While PostgreSQL could not be heard from here, nobody is called silent.

        An outage, a frozen server or a frozen leader keeps heartbeats from being written or read, and a clock that is
        set makes them look old. Whoever lives gets a lease of time to say so before its task is given to another: hours
        of work may hang on it.
        """
        async with self._database.begin_untenanted() as connection:
            leapt = await self._clock_leapt(connection)
            rows = await self._store.in_flight(connection, self._lane)
        now = time.monotonic()
        if self._last_look is None:  # the first look here; but we listened before we led
            gap_s, back_at = self._signals.gap
        else:
            gap_s, back_at = now - self._last_look, now
        self._last_look = now
        out_of_touch = leapt or gap_s > self._reconcile_s + self._lease_s / 2
        # At most every third lease: on a machine that is always slow, the dead must be found all the same.
        if out_of_touch and now - self._in_touch_since > 3 * self._lease_s:
            self._in_touch_since = now if leapt else back_at
        if now - self._in_touch_since < self._lease_s:
            return [InFlight(row.id, row.state, row.token, silent=False) for row in rows]
        return rows

    async def _clock_leapt(self, connection: AsyncConnection) -> bool:
        """Whether the clock of PostgreSQL was set since we last looked."""
        asked = time.monotonic()
        clock, before = await self._store.clock(connection) - asked, self._clock
        took_s = time.monotonic() - asked
        self._clock = clock
        if before is None or abs(clock - before) < _LEAP_S + took_s:
            return False
        _log.warning("the clock of PostgreSQL was set; every lease starts anew", by_s=round(clock - before, 3))
        await self._store.hasten(connection, longest_s=_LONGEST_WAIT_S)
        return True

    async def _count(self) -> None:
        async with self._database.begin_untenanted() as connection:
            counts = await self._queue.counts(connection)
        for state in _STATES:
            TASKS.labels(state).set(counts.get(state, 0))

    async def _keep_house(self) -> None:
        await self._stream.forget_consumers()
        async with self._database.begin_untenanted() as connection:
            gone = await self._queue.forget_old(connection, days=self._keep_days, batch=_FORGOTTEN_AT_ONCE)
        if gone == _FORGOTTEN_AT_ONCE:  # there is more; it need not wait for the next round of cleaning
            self._next_house = time.monotonic() + _POLL_S
