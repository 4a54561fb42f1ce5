"""The leader's part: queued tasks go to the work stream in fair order, and lost ones come back to the queue."""

import asyncio
import time
from collections import Counter

from chassis.database import Database
from chassis.database._signals import Signals
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import TASKS, TASKS_RECONCILED
from chassis.work._fairness import FairChoice
from chassis.work._reconcile import differences
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream

__all__ = ["Dispatcher"]

_log = get_logger("chassis.work")
_STATES = ("queued", "dispatched", "running")
_POLL_S = 1.0
_HOUSEKEEPING_S = 60.0


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
    ) -> None:
        self._database = database
        self._store = store
        self._stream = stream
        self._signals = signals
        self._lease_s = lease_s
        self._choice = FairChoice(tenant_cap=tenant_cap)
        self._backlog = backlog
        self._keep_days = keep_days
        self._next_reconcile = 0.0
        self._next_house = 0.0

    async def run(self) -> None:
        """Dispatch while this replica leads, until cancelled."""
        while True:
            await self._signals.until_leading()
            self._signals.forget("tasks")
            wait_s = _POLL_S
            try:
                wait_s = await self.step()
            except Exception as error:  # noqa: BLE001 (whatever is away, the next round tries again)
                _log.warning("the dispatcher waits", error=repr(error))
                await asyncio.sleep(_POLL_S)
            await self._signals.wait("tasks", wait_s)

    async def step(self) -> float:
        """One round; returns after how many seconds the next one is due at the latest."""
        if time.monotonic() >= self._next_reconcile:
            await self.reconcile()
            self._next_reconcile = time.monotonic() + min(2.0, max(0.5, self._lease_s / 3))
        await self.dispatch()
        if time.monotonic() >= self._next_house:
            self._next_house = time.monotonic() + _HOUSEKEEPING_S
            async with self._database.begin_untenanted() as connection:
                await self._store.forget_old(connection, days=self._keep_days)
        async with self._database.begin_untenanted() as connection:
            due_s = await self._store.next_due_s(connection)
        return _POLL_S if due_s is None else min(_POLL_S, max(0.01, due_s))

    async def dispatch(self) -> int:
        """Send as many tasks as there is room for; returns how many."""
        slots = await self._stream.live_slots(self._lease_s)
        async with self._database.begin_untenanted() as connection:
            rows = await self._store.in_flight(connection)
            free = slots * self._backlog - len(rows)
            if free <= 0:
                return 0
            candidates = await self._store.candidates(connection, free)
            chosen = self._choice.pick(candidates, Counter(row.tenant_id for row in rows), free)
            sent = await self._store.dispatch(connection, [task.id for task in chosen]) if chosen else []
        # The commit came first: a worker that gets the entry must find the row. An entry that is then not sent is
        # missed at the next reconciliation, and the task is queued again.
        if sent:
            await self._stream.send(sent)
        return len(sent)

    async def reconcile(self) -> None:
        """Bring rows and stream together again, after whatever happened to either."""
        await self._stream.ensure()
        parcels = await self._stream.parcels()
        held_silently = await self._stream.held_silently(self._lease_s)
        async with self._database.begin_untenanted() as connection:
            found = differences(await self._store.in_flight(connection), parcels, held_silently)
            requeued = await self._store.requeue(connection, found.requeue) if found.requeue else 0
            counts = await self._store.counts(connection)
        await self._stream.release(found.drop)
        if requeued:
            TASKS_RECONCILED.inc(requeued)
            _log.warning("tasks whose worker or entry was lost are queued again", count=requeued)
        for state in _STATES:
            TASKS.labels(state).set(counts.get(state, 0))
