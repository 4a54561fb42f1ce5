"""The task rows: every change of state is one statement that names the state and token it expects.

Whoever comes too late changes nothing and is told so; that is the whole fence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database._tables import tasks

__all__ = ["Candidate", "Claim", "InFlight", "TaskStore"]


@dataclass(frozen=True)
class Candidate:
    """A queued task that may be dispatched."""

    id: UUID
    tenant_id: UUID
    priority: int


@dataclass(frozen=True)
class InFlight:
    """A task that was dispatched or runs."""

    id: UUID
    tenant_id: UUID
    state: str
    token: int
    silent: bool
    """No sign of life for a lease."""


@dataclass(frozen=True)
class Claim:
    """A task that is ours to do, until its lease runs out."""

    id: UUID
    tenant_id: UUID
    job_id: UUID | None
    key: str
    step: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    traceparent: str | None
    attempt: int
    token: int


class TaskStore:
    """Statements on the tasks of one service. Each takes the connection of the transaction it is part of."""

    def __init__(self, service: str, *, lease_s: float) -> None:
        self._service = service
        self._lease = timedelta(seconds=lease_s)

    async def candidates(self, connection: AsyncConnection, limit: int) -> list[Candidate]:
        """The first due tasks of each tenant and priority, oldest first: what a fair choice is made from."""
        rank = func.row_number().over(
            partition_by=(tasks.c.tenant_id, tasks.c.priority), order_by=(tasks.c.created_at, tasks.c.id)
        )
        due = (
            select(tasks.c.id, tasks.c.tenant_id, tasks.c.priority, tasks.c.created_at, rank.label("rank"))
            .where(tasks.c.state == "queued", tasks.c.not_before <= func.now())
            .subquery()
        )
        query = (
            select(due.c.id, due.c.tenant_id, due.c.priority)
            .where(due.c.rank <= limit)
            .order_by(due.c.priority, due.c.created_at, due.c.id)
        )
        return [Candidate(*row) for row in await connection.execute(query)]

    async def in_flight(self, connection: AsyncConnection) -> list[InFlight]:
        """All dispatched and running tasks."""
        silent = tasks.c.heartbeat_at < func.now() - self._lease
        query = select(tasks.c.id, tasks.c.tenant_id, tasks.c.state, tasks.c.token, silent).where(
            tasks.c.state.in_(("dispatched", "running"))
        )
        return [InFlight(*row) for row in await connection.execute(query)]

    async def dispatch(self, connection: AsyncConnection, ids: Sequence[UUID]) -> list[tuple[UUID, int]]:
        """Mark these queued tasks dispatched; returns id and the token a claim must show."""
        query = (
            update(tasks)
            .where(tasks.c.id.in_(ids), tasks.c.state == "queued")
            .values(state="dispatched", token=tasks.c.token + 1, heartbeat_at=func.now(), changed_at=func.now())
            .returning(tasks.c.id, tasks.c.token)
        )
        tokens = {row.id: row.token for row in await connection.execute(query)}
        return [(id_, tokens[id_]) for id_ in ids if id_ in tokens]

    async def requeue(self, connection: AsyncConnection, lost: Sequence[tuple[UUID, int]]) -> int:
        """Queue again what was lost on its way or whose worker fell silent, as (id, token it had then).

        Their old tokens are worth nothing afterwards; a task that moved on meanwhile is left alone.
        """
        query = (
            update(tasks)
            .where(tuple_(tasks.c.id, tasks.c.token).in_(lost), tasks.c.state.in_(("dispatched", "running")))
            .values(state="queued", token=tasks.c.token + 1, not_before=func.now(), changed_at=func.now())
        )
        return (await connection.execute(query)).rowcount

    async def claim(self, connection: AsyncConnection, id_: UUID, token: int, worker: str) -> Claim | None:
        """Make a dispatched task ours; None if it moved on since this token was given out."""
        condition = (tasks.c.id == id_) & (tasks.c.token == token) & (tasks.c.state == "dispatched")
        return await self._claim(connection, condition, worker)

    async def claim_next(self, connection: AsyncConnection, worker: str) -> Claim | None:
        """Make the next queued task ours without a dispatcher and without waiting for its backoff: for tests."""
        first = (
            select(tasks.c.id)
            .where(tasks.c.state == "queued")
            .order_by(tasks.c.priority, tasks.c.created_at, tasks.c.id)
            .limit(1)
            .scalar_subquery()
        )
        return await self._claim(connection, tasks.c.id == first, worker)

    async def _claim(self, connection: AsyncConnection, condition: Any, worker: str) -> Claim | None:
        query = (
            update(tasks)
            .where(condition)
            .values(
                state="running",
                token=tasks.c.token + 1,
                attempt=tasks.c.attempt + 1,
                worker=worker,
                heartbeat_at=func.now(),
                changed_at=func.now(),
            )
            .returning(*(tasks.c[name] for name in Claim.__dataclass_fields__))
        )
        row: Row[Any] | None = (await connection.execute(query)).one_or_none()
        return None if row is None else Claim(**row._mapping)

    async def beat(self, connection: AsyncConnection, id_: UUID, token: int) -> str:
        """Say that we live; returns ``running``, or what the task is now that it is ours no more."""
        query = (
            update(tasks)
            .where(tasks.c.id == id_, tasks.c.token == token, tasks.c.state == "running")
            .values(heartbeat_at=func.now())
        )
        if (await connection.execute(query)).rowcount:
            return "running"
        state = await connection.scalar(select(tasks.c.state).where(tasks.c.id == id_))
        return "cancelled" if state == "cancelled" else "lost"

    async def end(
        self, connection: AsyncConnection, id_: UUID, token: int, state: str, reason: str = "", detail: str = ""
    ) -> bool:
        """The last word on a task: ``done`` or ``failed``; False if it was not ours to say."""
        query = (
            update(tasks)
            .where(tasks.c.id == id_, tasks.c.token == token, tasks.c.state == "running")
            .values(state=state, reason=reason or None, detail=detail or None, changed_at=func.now())
        )
        ended = (await connection.execute(query)).rowcount == 1
        await self.wake(connection)
        return ended

    async def put_back(
        self, connection: AsyncConnection, id_: UUID, token: int, *, wait_s: float, burned: bool, detail: str = ""
    ) -> bool:
        """Queue our task again for after ``wait_s``; unless ``burned``, this try does not count."""
        query = (
            update(tasks)
            .where(tasks.c.id == id_, tasks.c.token == token, tasks.c.state == "running")
            .values(
                state="queued",
                token=tasks.c.token + 1,
                attempt=tasks.c.attempt - (0 if burned else 1),
                not_before=func.now() + timedelta(seconds=wait_s),
                detail=detail[:2000] or None,
                changed_at=func.now(),
            )
        )
        back = (await connection.execute(query)).rowcount == 1
        await self.wake(connection)
        return back

    async def counts(self, connection: AsyncConnection) -> dict[str, int]:
        """Unfinished tasks by state."""
        unfinished = tasks.c.state.in_(("queued", "dispatched", "running"))
        query = select(tasks.c.state, func.count()).where(unfinished).group_by(tasks.c.state)
        return {state: count for state, count in await connection.execute(query)}

    async def next_due_s(self, connection: AsyncConnection) -> float | None:
        """Seconds until the next waiting task falls due; None if none waits."""
        seconds = func.extract("epoch", func.min(tasks.c.not_before) - func.now())
        waiting = await connection.scalar(
            select(seconds).where(tasks.c.state == "queued", tasks.c.not_before > func.now())
        )
        return None if waiting is None else float(waiting)

    async def forget_old(self, connection: AsyncConnection, *, days: int, batch: int = 1000) -> int:
        """Delete up to ``batch`` tasks that ended so many days ago."""
        statement = text(
            "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE state IN ('done', 'failed', 'cancelled')"
            " AND changed_at < now() - make_interval(days => :days) LIMIT :batch)"
        ).bindparams(bindparam("days", days), bindparam("batch", batch))
        return (await connection.execute(statement)).rowcount

    async def wake(self, connection: AsyncConnection) -> None:
        """Tell the dispatcher, with the commit, that a slot is free or a task waits."""
        await connection.execute(select(func.pg_notify(f"{self._service}_tasks", "")))
