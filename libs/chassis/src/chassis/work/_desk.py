"""What an operator asks of the task table, and may do to it. Every answer is bounded, every change is fenced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis._failures import Failure
from chassis.database import Database
from chassis.database._tables import tasks
from chassis.work._execution import Skill
from chassis.work._store import Claim
from chassis.work._task import Task

__all__ = ["BY_OPERATOR", "OPEN", "STATES", "Desk", "StateOfAffairs", "TaskFilter", "TaskLine"]

STATES = ("queued", "dispatched", "running", "done", "failed", "cancelled")
OPEN = ("queued", "dispatched", "running")
BY_OPERATOR = "cancelled_by_operator"
"""The reason of a task an operator called off; whoever waits for its step is told the same."""
_PATIENCE_MS = 30_000
_RACES = 5
"""How often a task that moves on between our look and our word is looked at again."""


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks are meant; what is not given does not matter."""

    ids: tuple[UUID, ...] = ()
    states: tuple[str, ...] = ()
    kind: str | None = None
    tenant_id: UUID | None = None
    job_id: UUID | None = None
    subject: str | None = None
    key: str | None = None
    """A trailing ``*`` stands for any ending."""
    older_than_s: float | None = None
    """Made longer ago than this."""
    silent_for_s: float | None = None
    """Dispatched or running, and without a sign of life for longer than this."""

    def condition(self) -> ColumnElement[bool]:
        """As PostgreSQL understands it."""
        found: list[ColumnElement[bool]] = []
        for column, wanted in (
            (tasks.c.kind, self.kind),
            (tasks.c.tenant_id, self.tenant_id),
            (tasks.c.job_id, self.job_id),
            (tasks.c.subject, self.subject),
        ):
            if wanted is not None:
                found.append(column == wanted)
        if self.ids:
            found.append(tasks.c.id.in_(self.ids))
        if self.states:
            found.append(tasks.c.state.in_(self.states))
        if self.key is not None:
            start = self.key.removesuffix("*")
            found.append(tasks.c.key.startswith(start, autoescape=True) if start != self.key else tasks.c.key == start)
        if self.older_than_s is not None:
            found.append(tasks.c.created_at < _ago(self.older_than_s))
        if self.silent_for_s is not None:
            found.append(tasks.c.state.in_(("dispatched", "running")))
            found.append(tasks.c.heartbeat_at < _ago(self.silent_for_s))
        return and_(true(), *found)


@dataclass(frozen=True)
class TaskLine:
    """One task as an operator sees it; ages in seconds, by the clock of PostgreSQL."""

    id: UUID
    state: str
    kind: str
    step: str
    key: str
    tenant_id: UUID
    job_id: UUID | None
    subject: str
    attempt: int
    worker: str | None
    reason: str | None
    detail: str | None
    created_at: datetime
    age_s: float
    changed_s: float
    """Since it came into this state."""
    silent_s: float | None
    """Since its worker was last heard; None unless dispatched or running."""
    due_s: float | None
    """Until it may be dispatched; None unless queued and waiting."""


@dataclass(frozen=True)
class StateOfAffairs:
    """The queue in numbers."""

    oldest_queued_s: float
    """How long the task that has waited longest for its turn has done so; 0 if none waits."""
    in_flight: Mapping[UUID, int]
    """Dispatched and running tasks by tenant."""


class Desk:
    """The tasks of one service, for its operator. ``skill_of`` and ``task_of`` say what a task's end means."""

    def __init__(
        self, database: Database, *, skill_of: Callable[[str], Skill], task_of: Callable[[Claim], Task]
    ) -> None:
        self._database = database
        self._skill_of = skill_of
        self._task_of = task_of

    async def state_of_affairs(self) -> StateOfAffairs:
        """What is worth watching all the time; cheap."""
        waiting = select(cast(func.extract("epoch", func.now() - func.min(tasks.c.created_at)), Float)).where(
            tasks.c.state == "queued", tasks.c.not_before.is_(None)
        )
        held = select(tasks.c.tenant_id, func.count()).where(tasks.c.state.in_(("dispatched", "running")))
        async with self._database.begin_untenanted() as connection:
            await _be_patient(connection)
            oldest_s = await connection.scalar(waiting)
            in_flight = {tenant: count for tenant, count in await connection.execute(held.group_by(tasks.c.tenant_id))}
        return StateOfAffairs(float(oldest_s or 0), in_flight)

    async def count(self, asked: TaskFilter) -> dict[str, int]:
        """How many are meant, by state."""
        async with self._database.begin_untenanted() as connection:
            await _be_patient(connection)
            query = select(tasks.c.state, func.count()).where(asked.condition()).group_by(tasks.c.state)
            counts = {str(state): int(count) for state, count in await connection.execute(query)}
        return {state: counts[state] for state in STATES if state in counts}

    async def page(self, asked: TaskFilter, *, after: UUID | None = None, limit: int = 100) -> Sequence[TaskLine]:
        """Those that are meant, the oldest first, from behind ``after`` on."""
        held = tasks.c.state.in_(("dispatched", "running"))
        waits = (tasks.c.state == "queued") & (tasks.c.not_before > func.now())
        known = ("id", "state", "kind", "step", "key", "tenant_id", "job_id", "subject", "attempt", "worker")
        query = (
            select(
                *(tasks.c[name] for name in (*known, "reason", "detail", "created_at")),
                _seconds(func.now() - tasks.c.created_at),
                _seconds(func.now() - tasks.c.changed_at),
                case((held, _seconds(func.now() - tasks.c.heartbeat_at))),
                case((waits, _seconds(tasks.c.not_before - func.now()))),
            )
            .where(asked.condition())
            .order_by(tasks.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tasks.c.id > after)
        async with self._database.begin_untenanted() as connection:
            await _be_patient(connection)
            rows: Sequence[Any] = (await connection.execute(query)).all()
        return [TaskLine(*row) for row in rows]

    async def cancel(self, id_: UUID, *, why: str = "") -> bool:
        """Call an unfinished task off, and tell those who wait for it that it failed, in one commit.

        Its worker stops within a heartbeat and can write nothing more. What is announced is what the service announces
        when such a task fails, with the reason ``cancelled_by_operator``; so no job waits for it for ever, and whoever
        owns the job may retry it. False if it is over, or unknown.
        """
        detail = why or "an operator called this task off"
        for _ in range(_RACES):
            claim = await self._look(id_, tasks.c.state.in_(OPEN))
            if claim is None:
                return False
            async with self._database.begin(claim.tenant_id) as work:
                query = (
                    update(tasks)
                    .where(tasks.c.id == id_, tasks.c.token == claim.token, tasks.c.state.in_(OPEN))
                    .values(state="cancelled", reason=BY_OPERATOR, detail=detail[:2000], changed_at=func.now())
                )
                if (await work.connection.execute(query)).rowcount == 1:
                    failure = Failure(BY_OPERATOR, detail, claim.attempt)
                    await self._skill_of(claim.kind).on_failure(self._task_of(claim), failure, work)
                    work._wake("cancelled", str(id_))
                    work._wake("tasks")
                    return True
        return False

    async def requeue(self, id_: UUID) -> bool:
        """Have a task done from the start, now, with all its tries; False if it is done, called off, or unknown.

        A failed one: its success is announced when it comes, and beats the failure that was. A running one: its worker
        loses it within a heartbeat, and can write nothing more. One that waits for its next try waits no longer.
        """
        again = or_(
            tasks.c.state.in_((*OPEN, "failed")), (tasks.c.state == "cancelled") & (tasks.c.reason == BY_OPERATOR)
        )
        for _ in range(_RACES):
            claim = await self._look(id_, again)
            if claim is None:
                return False
            async with self._database.begin(claim.tenant_id) as work:
                query = (
                    update(tasks)
                    .where(tasks.c.id == id_, tasks.c.token == claim.token, again)
                    .values(
                        state="queued",
                        token=tasks.c.token + 1,
                        attempt=0,
                        not_before=None,
                        worker=None,
                        reason=None,
                        detail=None,
                        changed_at=func.now(),
                    )
                )
                if (await work.connection.execute(query)).rowcount == 1:
                    work._wake("cancelled", str(id_))  # whoever runs it looks, and finds that it is not its own
                    work._wake("tasks")
                    return True
        return False

    async def _look(self, id_: UUID, condition: ColumnElement[bool]) -> Claim | None:
        query = select(*(tasks.c[name] for name in Claim.__dataclass_fields__)).where(tasks.c.id == id_, condition)
        async with self._database.begin_untenanted() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Claim(**row._mapping)


async def _be_patient(connection: AsyncConnection) -> None:
    """An operator's question must not hold a table of millions for minutes."""
    await connection.execute(select(func.set_config("statement_timeout", str(_PATIENCE_MS), True)))


def _ago(seconds: float) -> Any:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _seconds(interval: Any) -> Any:
    return cast(func.extract("epoch", interval), Float)
