"""Long work: which kinds of task a service can do, and the workers that do them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from redis.exceptions import RedisError

from chassis._endings import end
from chassis._failures import is_outage
from chassis.bus import Bus
from chassis.child.runner import Call, run_in_child
from chassis.database import Database
from chassis.database._signals import Signals
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import TASK_CLAIM_SECONDS, TASK_QUEUE_SECONDS, TASKS_FENCED
from chassis.work._away import AWAY
from chassis.work._desk import Desk
from chassis.work._dispatcher import Dispatcher
from chassis.work._execution import Execution, OnFailure, Skill, announce_failure
from chassis.work._lanes import Lane, main_lane
from chassis.work._store import Claim, TaskStore
from chassis.work._stream import Parcel, WorkStream
from chassis.work._task import Task

__all__ = ["Workbench"]

_log = get_logger("chassis.work")
_BLOCK_MS = 500
"""No delay, since an entry wakes the read; but a stop waits for it."""


class Workbench:
    """Tasks of this service: each done by one worker, again if that worker is lost, and by none once cancelled.

    ``workers``: tasks at once in this process. ``lease_s``: a worker silent for so long is taken for dead.
    ``tenant_cap``: tasks of one tenant in flight at once, over all replicas. ``child_env``: environment of child
    processes, such as ``OMP_NUM_THREADS``; ``call`` starts them (a test may stay in its own process). ``backlog``:
    tasks in flight per live worker; above 1 an urgent task may have to wait behind one already sent. ``lanes``: kinds
    of task with a stream and workers of their own; ``workers`` do all others. Every replica names the same lanes, for
    any of them may lead; how many it works in is its own affair.
    """

    def __init__(
        self,
        bus: Bus,
        database: Database,
        *,
        workers: int,
        lease_s: float = 30.0,
        tenant_cap: int | None = None,
        child_env: Mapping[str, str] | None = None,
        call: Call = run_in_child,
        backlog: int = 1,
        base_s: float = 2.0,
        keep_days: int = 30,
        lanes: Sequence[Lane] = (),
    ) -> None:
        self.bus = bus
        self.database = database
        self.workers = workers
        self.lease_s = lease_s
        self._tenant_cap = tenant_cap
        self._call = partial(call, env=dict(child_env or {}))
        self._backlog = backlog
        self._base_s = base_s
        self._keep_days = keep_days
        self._lanes = (main_lane(lanes, workers=workers), *lanes)
        self._skills: dict[str, Skill] = {}
        self._store = TaskStore(bus.service, lease_s=lease_s)
        self._running: dict[tuple[UUID, int], tuple[Execution, asyncio.Task[None], Lane]] = {}
        """By task and token: a task that was lost here may come again while its first run is still being stopped."""

    def does(
        self,
        kind: str,
        *,
        gives_up_on: tuple[type[Exception], ...] = (),
        on_failure: OnFailure | None = None,
        tries: int = 4,
    ) -> Callable[[Callable[[Task], Awaitable[None]]], Callable[[Task], Awaitable[None]]]:
        """Register the handler of a kind of task.

        An exception named in ``gives_up_on`` is final at once; any other is retried with backoff, ``tries`` times in
        all. Then ``on_failure`` runs in the commit that marks the task failed; by default it announces StepFailed.
        """

        def register(handler: Callable[[Task], Awaitable[None]]) -> Callable[[Task], Awaitable[None]]:
            if kind in self._skills:
                raise ValueError(f"tasks of kind {kind!r} have a handler already")
            self._skills[kind] = Skill(handler, gives_up_on, on_failure or announce_failure, tries)
            return handler

        return register

    async def run(self, stop: asyncio.Event, signals: Signals, *, grace_s: float = 20.0) -> None:
        """Work until ``stop``; then let what runs end within ``grace_s``, and hand the rest back."""
        signals.on("cancelled", self._look)
        streams = [(lane, self._stream(lane)) for lane in self._lanes]
        manned = [(lane, stream) for lane, stream in streams if lane.workers]
        dispatching = [asyncio.create_task(self._dispatcher(lane, its, signals).run()) for lane, its in streams]
        registering = [asyncio.create_task(self._stay_registered(lane, its, signals)) for lane, its in manned]
        chores = [*dispatching, *registering]
        readers = [asyncio.create_task(self._read(stop, lane, its, chores)) for lane, its in manned]
        try:
            await asyncio.gather(*readers)
        finally:
            await end(*readers, *registering)
            await self._wind_down(manned, grace_s)
            await end(*dispatching)

    def _stream(self, lane: Lane) -> WorkStream:
        return WorkStream(self.bus.redis, service=self.bus.service, consumer=self.bus.consumer, lane=lane.name)

    def _dispatcher(self, lane: Lane, stream: WorkStream, signals: Signals) -> Dispatcher:
        return Dispatcher(
            self.database,
            self._store,
            stream,
            signals,
            lease_s=self.lease_s,
            tenant_cap=self._tenant_cap,
            backlog=self._backlog,
            keep_days=self._keep_days,
            lane=lane,
        )

    async def work_off(self) -> int:
        """Do everything that is queued, here and now, without Redis and without waiting for backoffs; for tests."""
        done = 0
        while True:
            async with self.database.begin_untenanted() as connection:
                claim = await self._store.claim_next(connection, "inline")
            if claim is None:
                return done
            await self._execution(claim).run()
            done += 1

    def desk(self) -> Desk:
        """What an operator asks of these tasks, and may do to them."""
        return Desk(self.database, skill_of=self._skill_of, task_of=self._task_of)

    async def _read(
        self, stop: asyncio.Event, lane: Lane, stream: WorkStream, chores: list[asyncio.Task[None]]
    ) -> None:
        with suppress(RedisError, OSError):
            await stream.ensure()
        while not stop.is_set():
            for chore in chores:
                if chore.done():
                    chore.result()  # a chore never ends by itself: raise what ended it
            try:
                if len(self._jobs(lane)) < lane.workers:
                    parcel = await stream.read(_BLOCK_MS)
                    if parcel is not None:
                        await self._take(parcel, lane, stream, stop)
                else:
                    await self._until_slot_free(stop, lane, chores)
            except AWAY as error:
                _log.warning("the workers wait", error=repr(error))
                await asyncio.sleep(0.5)
                with suppress(RedisError, OSError):
                    await stream.ensure()

    async def _until_slot_free(self, stop: asyncio.Event, lane: Lane, chores: list[asyncio.Task[None]]) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([stopping, *chores, *self._jobs(lane)], return_when="FIRST_COMPLETED")
        finally:
            stopping.cancel()

    async def _take(self, parcel: Parcel, lane: Lane, stream: WorkStream, stop: asyncio.Event) -> None:
        """Claim what arrived and start on it, or let it go."""
        if (parcel.task_id, parcel.token + 1) in self._running:
            return  # its group was lost and made again: the entry is that of a task we are doing
        if stop.is_set():
            async with self.database.begin_untenanted() as connection:
                await self._store.requeue(connection, [(parcel.task_id, parcel.token)])
                await self._store.wake(connection)
            await stream.release([parcel.entry_id])
            return
        claim = await self._claim(parcel, stop)
        if claim is None:
            TASKS_FENCED.inc()
            await stream.release([parcel.entry_id])
            return
        _measure_waits(claim, parcel)
        execution = self._execution(claim, stream, parcel.entry_id)
        job = asyncio.create_task(self._perform(execution, stream, parcel.entry_id))
        self._running[claim.id, claim.token] = (execution, job, lane)

    async def _claim(self, parcel: Parcel, stop: asyncio.Event) -> Claim | None:
        """Claim the task. If PostgreSQL is away, or its answer was lost, ask again: that burns no second try."""
        while True:
            try:
                async with self.database._single_statements() as connection:
                    return await self._store.claim(connection, parcel.task_id, parcel.token, self.bus.consumer)
            except AWAY as error:
                if stop.is_set() or not is_outage(error):
                    raise
                _log.warning("a task waits for PostgreSQL to be claimed", error=repr(error))
                await asyncio.sleep(0.3)

    async def _perform(self, execution: Execution, stream: WorkStream, entry_id: str) -> None:
        try:
            await execution.run()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 (the boundary: one task must not end the others; its lease runs out)
            _log.exception("a task ended in an unforeseen way; it will be done again")
        finally:
            del self._running[execution.claim.id, execution.claim.token]
            with suppress(RedisError, OSError):
                await stream.release([entry_id])

    def _jobs(self, lane: Lane) -> list[asyncio.Task[None]]:
        """What runs of a lane."""
        return [job for _, job, its in self._running.values() if its is lane]

    async def _wind_down(self, manned: Sequence[tuple[Lane, WorkStream]], grace_s: float) -> None:
        for lane, stream in manned:
            with suppress(RedisError, OSError):
                await stream.unregister(lane.workers)
        jobs = [job for _, job, _ in self._running.values()]
        if jobs:
            _log.info("waiting for running tasks", count=len(jobs), grace_s=grace_s)
            _, late = await asyncio.wait(jobs, timeout=grace_s)
            await end(*late)
        for _, stream in manned:
            with suppress(RedisError, OSError):
                await stream.leave()

    async def _stay_registered(self, lane: Lane, stream: WorkStream, signals: Signals) -> None:
        """Say again and again that we live; a register that Redis lost is whole again after one round."""
        first = True
        while True:
            try:
                await stream.register(lane.workers)
                if first:
                    signals.wake("tasks")
                    first = False
            except (RedisError, OSError) as error:
                _log.debug("could not register", error=repr(error))
            await asyncio.sleep(min(2.0, self.lease_s / 3))

    def _look(self, payload: str) -> None:
        """A task was cancelled, says PostgreSQL: if it is one of ours, its heartbeat need not be waited for."""
        for execution, _, _ in self._running.values():
            if str(execution.claim.id) == payload:
                execution.look_now()

    def _execution(self, claim: Claim, stream: WorkStream | None = None, entry_id: str = "") -> Execution:
        return Execution(
            claim,
            self._skill_of(claim.kind),
            bus=self.bus,
            database=self.database,
            store=self._store,
            call=self._call,
            lease_s=self.lease_s,
            base_s=self._base_s,
            stream=stream,
            entry_id=entry_id,
        )

    def _skill_of(self, kind: str) -> Skill:
        return self._skills.get(kind) or _unknown(kind)

    def _task_of(self, claim: Claim) -> Task:
        return Task(claim, bus=self.bus, database=self.database, store=self._store, call=self._call)


def _measure_waits(claim: Claim, parcel: Parcel) -> None:
    """Both ids say when they were made: the task's when it was queued, the entry's when it was dispatched."""
    now_ms = time.time() * 1000
    TASK_CLAIM_SECONDS.labels(claim.kind).observe(max(0.0, now_ms - int(parcel.entry_id.partition("-")[0])) / 1000)
    if claim.attempt == 1:
        TASK_QUEUE_SECONDS.labels(claim.kind).observe(max(0.0, now_ms - (claim.id.int >> 80)) / 1000)


class UnknownKind(LookupError):
    """No handler here for this kind of task: a newer version of the service may have enqueued it."""


def _unknown(kind: str) -> Skill:
    """Tried for hours, in case a version that knows it is being rolled out; then failed, so that nobody waits."""

    async def refuse(_: Task) -> None:
        raise UnknownKind(f"no handler for tasks of kind {kind!r} in this version of the service")

    return Skill(refuse, (), announce_failure, tries=40)
