"""One task in a handler's hands."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from chassis._failures import backoff_s, is_outage
from chassis.bus import Bus
from chassis.child.runner import Call
from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger, traceparent
from chassis.work._away import AWAY
from chassis.work._store import Claim, TaskStore
from contracts.event import Event
from contracts.steps import Step, StepProgressed

__all__ = ["LeaseLost", "Task"]

T = TypeVar("T")
_log = get_logger("chassis.work")
_PROGRESS_INTERVAL_S = 1.0


class LeaseLost(RuntimeError):
    """This worker may not speak for the task any more: it was cancelled, or given to another. Nothing was written."""


class Task:
    """A task that this worker holds: what to do, and the ways to say how it goes."""

    def __init__(self, claim: Claim, *, bus: Bus, database: Database, store: TaskStore, call: Call) -> None:
        self.id = claim.id
        self.step = claim.step
        self.kind = claim.kind
        self.key = claim.key
        self.subject = claim.subject
        """The id of what the task is about, such as a video."""
        self.tenant_id = claim.tenant_id
        self.job_id = claim.job_id
        self.payload: dict[str, Any] = dict(claim.payload)
        self.attempt = claim.attempt
        """1 at the first try."""
        self._token = claim.token
        self._bus = bus
        self._database = database
        self._store = store
        self._call = call
        self._told_at = float("-inf")
        self._finished = False

    async def progress(self, fraction: float, message: str = "") -> None:
        """Tell whoever watches how far the step is, 0 to 1. Cheap: at most one a second leaves the process."""
        now = time.monotonic()
        if now - self._told_at < _PROGRESS_INTERVAL_S and fraction < 1:
            return
        self._told_at = now
        if self.step not in set(Step):
            return
        fact = StepProgressed(
            video_id=self.subject,  # pydantic makes it a UUID
            step=Step(self.step),
            run=self.payload["run"],
            fraction=min(1.0, max(0.0, fraction)),
            message=message[:200],
        )
        event = Event[StepProgressed].of(
            fact,
            source=self._bus.service,
            subject=self.subject,
            tenant_id=self.tenant_id,
            job_id=self.job_id,
            traceparent=traceparent(),
        )
        await self._bus.tell(event)

    async def run(self, function: Callable[..., T], /, *args: Any) -> T:
        """Call ``function(*args)`` in a child process and return its result, or raise what it raised.

        ``function`` is module-level; it, its arguments and its result are picklable. The child and all it starts are
        killed when the task is cancelled, when the service stops, and when the service dies. Raises ChildDied if the
        child was killed. ``chassis.child.progress`` inside it arrives at ``progress`` here.
        """
        return await self.run_with(function, *args, on_progress=self.progress)

    async def run_with(
        self, function: Callable[..., T], /, *args: Any, on_progress: Callable[[float, str], Awaitable[None]]
    ) -> T:
        """Like ``run``, with the child's progress going to ``on_progress``: one of several parts of a step, say."""
        result: T = await self._call(function, *args, on_progress=on_progress)
        return result

    async def note(self, **more: Any) -> None:
        """Keep something for whoever does this task after us, should we die: it stands in ``payload`` from now on.

        Raises LeaseLost if the task is not ours any more.
        """
        async with self._database.begin(self.tenant_id) as work:
            if not await self._store.note(work.connection, self.id, self._token, more):
                raise LeaseLost(f"task {self.key} was cancelled or given to another worker")
        self.payload.update(more)

    async def is_cancelled(self) -> bool:
        """Whether nobody wants its result any more: then what was made of it so far should go."""
        async with self._database.begin_untenanted() as connection:
            return await self._store.state(connection, self.id) in ("cancelled", None)  # None: it was erased

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[UnitOfWork]:
        """Say the last word: effects, facts and the end of the task in one commit.

        Raises LeaseLost, and writes nothing, if the task is not ours any more. While PostgreSQL is away this waits for
        it, for what the task made may have taken hours; and if the answer to the commit is lost, it asks.
        """
        said = False
        try:
            async with AsyncExitStack() as stack:
                transaction, work = await self._begin_to_finish()
                stack.push_async_exit(transaction)
                yield work
                said = True
        except AWAY as error:
            if not (said and is_outage(error) and await self._was_heard()):
                raise
        self._finished = True

    async def _begin_to_finish(self) -> tuple[AbstractAsyncContextManager[UnitOfWork], UnitOfWork]:
        """An open transaction that ends the task."""
        tries = 0
        while True:
            transaction = self._database.begin(self.tenant_id)
            try:
                work = await transaction.__aenter__()
                try:
                    if not await self._store.end(work.connection, self.id, self._token, "done"):
                        raise LeaseLost(f"task {self.key} was cancelled or given to another worker")
                except BaseException as error:
                    await transaction.__aexit__(type(error), error, error.__traceback__)
                    raise
                return transaction, work
            except AWAY as error:
                if not is_outage(error):
                    raise
                tries += 1
                await self._wait_for_postgres(tries, error)

    async def _was_heard(self) -> bool:
        """Whether the commit whose answer was lost took place."""
        tries = 0
        while True:
            try:
                async with self._database._single_statements() as connection:
                    return await self._store.beat(connection, self.id, self._token) == "done"
            except AWAY as error:
                if not is_outage(error):
                    raise
                tries += 1
                await self._wait_for_postgres(tries, error)

    async def _wait_for_postgres(self, tries: int, error: Exception) -> None:
        wait_s = backoff_s(tries, base_s=0.2, cap_s=5.0)
        _log.warning("a finished task waits for PostgreSQL", key=self.key, error=repr(error))
        await asyncio.sleep(wait_s)
