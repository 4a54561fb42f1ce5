"""Doing one task: the handler, its heartbeat beside it, and what becomes of every way it can end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from redis.exceptions import RedisError

from chassis._endings import end
from chassis._failures import Failure, backoff_s, is_outage, lacks_room, plain, reason_of
from chassis.bus import Bus
from chassis.child.runner import Call
from chassis.database import Database, UnitOfWork
from chassis.telemetry import bound, get_logger, span
from chassis.telemetry.metrics import LEASES_LOST, TASK_SECONDS, TASKS_ENDED
from chassis.work._away import AWAY
from chassis.work._store import Claim, TaskStore
from chassis.work._task import LeaseLost, Task
from contracts.steps import Step, StepFailed

if TYPE_CHECKING:
    from chassis.work._stream import WorkStream

__all__ = ["Execution", "OnFailure", "Skill", "announce_failure"]

_log = get_logger("chassis.work")
OnFailure = Callable[[Task, Failure, UnitOfWork], Awaitable[None]]
_OUTAGE_CAP_S = 30.0
_TURN = 3
"""By how much a task's token grows from one try to the next: sent, begun, put back."""
_MOST_TURNS = 3_000
"""After so many, most of a day at half a minute each, what looks like an outage is taken for the task's own fault: it
shall end some time, with a reason."""
_LONG_WAIT = 5
"""The try after which the wait is as long as an outage allows; a task without room waits so from the first on."""
_LAST_WORDS_S = 3.0
"""How long a process that is to end waits for PostgreSQL with a task in its hands."""


class HandlerCancelled(RuntimeError):
    """A handler ended as if it had been cancelled, without anybody having asked: a fault of its own."""


@dataclass(frozen=True)
class Skill:
    """A kind of task this service can do."""

    handler: Callable[[Task], Awaitable[None]]
    gives_up_on: tuple[type[Exception], ...]
    on_failure: OnFailure
    tries: int


async def announce_failure(task: Task, failure: Failure, work: UnitOfWork) -> None:
    """What a failed task says unless its service says it better."""
    fact = StepFailed(
        video_id=task.subject,  # pydantic makes it a UUID
        step=Step(task.step),
        run=task.payload["run"],
        reason=failure.reason,
        detail=failure.detail[:2000],
        attempts=failure.attempts,
    )
    await work.announce(fact, subject=task.subject, job_id=task.job_id)


class Execution:
    """One run of one task."""

    def __init__(
        self,
        claim: Claim,
        skill: Skill,
        *,
        bus: Bus,
        database: Database,
        store: TaskStore,
        call: Call,
        lease_s: float,
        base_s: float,
        stream: "WorkStream | None" = None,
        entry_id: str = "",
    ) -> None:
        self.claim = claim
        self._skill = skill
        self._database = database
        self._store = store
        self._lease_s = lease_s
        self._base_s = base_s
        self._stream = stream
        self._entry_id = entry_id
        self._task = Task(claim, bus=bus, database=database, store=store, call=call)
        self._look = asyncio.Event()
        self._stopped_for: Literal["cancelled", "lost"] | None = None

    def look_now(self) -> None:
        """Do not wait for the next heartbeat to see whether the task is still ours."""
        self._look.set()

    async def run(self) -> str:
        """Do the task and record how it ended; returns done, retried, failed, cancelled, lost or handed_back.

        If this is cancelled, the work stops and the task is handed back without burning a try.
        """
        claim = self.claim
        started = time.monotonic()
        ids = {"task": claim.id, "key": claim.key, "tenant": claim.tenant_id, "job": claim.job_id}
        with bound(**ids), span(f"{claim.kind} task", parent=claim.traceparent, task=str(claim.id)):
            _log.info("task started", kind=claim.kind, attempt=claim.attempt)
            outcome = await self._run()
            seconds = time.monotonic() - started
            _log.info("task ended", kind=claim.kind, outcome=outcome, seconds=round(seconds, 2))
        TASKS_ENDED.labels(claim.kind, outcome).inc()
        TASK_SECONDS.labels(claim.kind).observe(seconds)
        return outcome

    async def _run(self) -> str:
        if self.claim.attempt > self._skill.tries:
            lost = Failure("worker_lost", "every worker that took this task died or fell silent", self._skill.tries)
            return await self._record(lambda: self._fail(lost))
        job = asyncio.ensure_future(self._skill.handler(self._task))
        beat = asyncio.create_task(self._keep(job))
        try:
            return await self._see_through(job)
        except asyncio.CancelledError:
            return await self._last_words()
        finally:
            await end(beat)

    async def _see_through(self, job: asyncio.Future[None]) -> str:
        """Wait for the handler and record how it ended. Raises CancelledError if we are to stop."""
        try:
            await job
        except asyncio.CancelledError:
            if self._stopped_for is not None:
                return self._stopped_for
            ourselves = asyncio.current_task()
            if ourselves is None or ourselves.cancelling():
                raise
            error: Exception = HandlerCancelled("something inside the handler was cancelled, and nobody had asked")
        except LeaseLost:
            return await self._record(self._ask)
        except Exception as raised:  # noqa: BLE001 (the boundary: whatever a handler raises is a retry or a failure)
            error = raised
        else:
            return await self._record(self._done)
        return await self._record(lambda: self._failed(error))

    async def _last_words(self) -> str:
        """Hand the task back, however often we are asked to end meanwhile; but not for long."""

        async def say() -> str:
            try:
                async with asyncio.timeout(_LAST_WORDS_S):
                    return await self._record(self._hand_back)
            except TimeoutError:
                _log.warning("a task could not be handed back; it waits for its lease to run out")
                return "lost"

        saying = asyncio.create_task(say())
        while not saying.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([saying])
        return saying.result()

    async def _record(self, ending: Callable[[], Awaitable[str]]) -> str:
        """Write how it ended, once PostgreSQL is there. What cannot be written is done again when the lease is over."""
        tries = 0
        while True:
            try:
                outcome = await ending()
            except LeaseLost:
                outcome = "lost"
            except AWAY as error:
                if is_outage(error):
                    tries += 1
                    _log.warning("the end of a task waits for PostgreSQL", error=repr(error))
                    await asyncio.sleep(backoff_s(tries, base_s=0.2, cap_s=5.0))
                    continue
                _log.error("the end of a task could not be recorded; it will be done again", exc_info=error)
                outcome = "lost"
            if outcome == "lost":
                LEASES_LOST.labels(self.claim.kind).inc()
            return outcome

    async def _done(self) -> str:
        if not self._task._finished:
            async with self._task.finish():
                pass
        return "done"

    async def _failed(self, error: Exception) -> str:
        final = isinstance(error, self._skill.gives_up_on)
        turns = self.claim.token // _TURN
        away = not final and is_outage(error) and turns < _MOST_TURNS
        if final or (self.claim.attempt >= self._skill.tries and not away):
            _log.error("task failed", exc_info=error, kind=self.claim.kind, attempt=self.claim.attempt)
            return await self._fail(Failure(reason_of(error), plain(str(error)), self.claim.attempt))
        rank = max(self.claim.attempt, turns if away else 0, _LONG_WAIT if lacks_room(error) else 0)
        wait_s = backoff_s(rank, base_s=self._base_s, cap_s=_OUTAGE_CAP_S if away else 300.0)
        _log.warning("task will be tried again", wait_s=round(wait_s, 1), attempt=self.claim.attempt, error=repr(error))
        return await self._put_back("retried", wait_s=wait_s, burned=not away, detail=repr(error))

    async def _fail(self, failure: Failure) -> str:
        claim = self.claim
        try:
            async with self._database.begin(claim.tenant_id) as work:
                reason, detail = failure.reason, failure.detail
                ours = await self._store.end(work.connection, claim.id, claim.token, "failed", reason, detail)
                if ours:
                    await self._skill.on_failure(self._task, failure, work)
            return "failed" if ours else await self._ask()
        except Exception as error:
            if is_outage(error):
                raise
            # A fault in on_failure: keep the task rather than fail in silence.
            _log.exception("a failure could not be announced; the task stays and is tried again")
            return await self._put_back("retried", wait_s=60.0, burned=False, detail=failure.detail)

    async def _hand_back(self) -> str:
        return await self._put_back("handed_back", wait_s=0.0, burned=False)

    async def _put_back(self, outcome: str, *, wait_s: float, burned: bool, detail: str = "") -> str:
        claim = self.claim
        async with self._database._single_statements() as connection:
            back = await self._store.put_back(
                connection, claim.id, claim.token, wait_s=wait_s, burned=burned, detail=plain(detail)
            )
        return outcome if back else await self._ask()

    async def _ask(self) -> str:
        """What became of the task, since it is not ours: perhaps our own last word, whose answer was lost."""
        async with self._database._single_statements() as connection:
            state = await self._store.beat(connection, self.claim.id, self.claim.token)
        return "lost" if state == "running" else state

    async def _keep(self, job: asyncio.Future[None]) -> None:
        """Renew the lease until the job ends; stop the job when the task is not ours any more.

        No server that hangs may hold this up: a lease is lost by silence, whatever the reason for it.
        """
        wait_s = self._lease_s / 3
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._look.wait()
            self._look.clear()
            try:
                async with asyncio.timeout(self._lease_s / 3), self._database._single_statements() as connection:
                    state = await self._store.beat(connection, self.claim.id, self.claim.token)
            except Exception as error:  # noqa: BLE001 (whatever it was, the next beat may get through)
                _log.warning("a heartbeat was missed", error=repr(error))
                wait_s = min(1.0, self._lease_s / 10)
                continue
            wait_s = self._lease_s / 3
            if state != "running":
                if state in ("cancelled", "lost") and not self._task._finished:
                    self._stopped_for = "cancelled" if state == "cancelled" else "lost"
                    job.cancel()
                return
            await self._renew()

    async def _renew(self) -> None:
        """Tell Redis too, if it listens; should it not, the row says that we live, and the row decides."""
        if self._stream is None:
            return
        try:
            async with asyncio.timeout(min(1.0, self._lease_s / 6)):
                await self._stream.renew(self._entry_id)
        except (RedisError, OSError) as error:
            _log.debug("the entry of a running task was not renewed", error=repr(error))
