"""The task rows: every change of state is one statement that names the state and token it expects.

Whoever comes too late changes nothing and is told so; that is the whole fence.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database._tables import tasks
from chassis.work._lanes import WHOLE, Lane

__all__ = ["Claim", "InFlight", "TaskStore"]


@dataclass(frozen=True)
class InFlight:
    """A task that was dispatched or runs."""

    id: UUID
    state: str
    token: int
    silent: bool
    """No sign of life for a lease, during which PostgreSQL could have heard one."""


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


_CLAIM_VALUES = """
    UPDATE tasks SET state = 'running', worker = :worker, heartbeat_at = now(), changed_at = now(),
        attempt = attempt + CASE state WHEN 'running' THEN 0 ELSE 1 END,
        token = token + CASE state WHEN 'running' THEN 0 ELSE 1 END
"""
_CLAIMED = f"RETURNING {', '.join(Claim.__dataclass_fields__)}"
_CLAIM_COLUMNS = [tasks.c[name] for name in Claim.__dataclass_fields__]

_CLAIM = text(
    f"""
    {_CLAIM_VALUES} WHERE id = :id AND (
        (state = 'dispatched' AND token = :token)
        OR (state = 'running' AND token = CAST(:token AS bigint) + 1 AND worker = :worker))
    {_CLAIMED}
    """
).columns(*_CLAIM_COLUMNS)

_CLAIM_NEXT = text(
    f"""
    {_CLAIM_VALUES} WHERE id = (
        SELECT id FROM tasks WHERE state = 'queued' ORDER BY priority, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    {_CLAIMED}
    """
).columns(*_CLAIM_COLUMNS)

_STATE = text("SELECT state FROM tasks WHERE id = :id")
_BEAT = text(
    """
    WITH mine AS (
        UPDATE tasks SET heartbeat_at = now() WHERE id = :id AND token = :token AND state = 'running' RETURNING id)
    SELECT CASE WHEN EXISTS (SELECT FROM mine) THEN 'running' ELSE (
        SELECT CASE WHEN state = 'cancelled' THEN 'cancelled'
                    WHEN state IN ('done', 'failed') AND token = :token THEN state ELSE 'lost' END
        FROM tasks WHERE id = :id) END
    """
)

_END = text(
    """
    WITH ended AS (
        UPDATE tasks SET state = :state, reason = :reason, detail = :detail, changed_at = now()
        WHERE id = :id AND token = :token AND state = 'running' RETURNING id)
    SELECT count(*), count(pg_notify(:channel, '')) FROM ended
    """
)

_PUT_BACK = text(
    """
    WITH back AS (
        UPDATE tasks SET state = 'queued', token = token + 1, attempt = attempt - :given_back, changed_at = now(),
            not_before = now() + CAST(:wait AS interval), detail = :detail
        WHERE id = :id AND token = :token AND state = 'running' RETURNING id)
    SELECT count(*), count(pg_notify(:channel, '')) FROM back
    """
)

_REQUEUE = text(
    """
    WITH lost AS (
        SELECT tasks.id FROM tasks
        JOIN unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bigint[])) AS told(id, token) USING (id, token)
        WHERE tasks.state IN ('dispatched', 'running') FOR UPDATE OF tasks SKIP LOCKED)
    UPDATE tasks SET state = 'queued', token = token + 1, not_before = NULL, changed_at = now()
    FROM lost WHERE tasks.id = lost.id
    """
)

_IN_FLIGHT = """
    SELECT id, state, token, heartbeat_at > now() + CAST(:lease AS interval)
        OR (heartbeat_at < now() - CAST(:lease AS interval)
            AND pg_postmaster_start_time() NOT BETWEEN now() - CAST(:lease AS interval) AND now())
    FROM tasks WHERE state IN ('dispatched', 'running')
"""

_NOTE = text(
    """
    UPDATE tasks SET payload = payload || CAST(:more AS jsonb)
    WHERE id = :id AND token = :token AND state = 'running'
    """
)

_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float8")
_HASTEN = text(
    "UPDATE tasks SET not_before = now() + CAST(:longest AS interval)"
    " WHERE state = 'queued' AND not_before > now() + CAST(:longest AS interval)"
)


class TaskStore:
    """Statements on the tasks of one service. Each takes the connection of the transaction it is part of."""

    def __init__(self, service: str, *, lease_s: float) -> None:
        self._channel = f"{service}_tasks"
        self._lease = timedelta(seconds=lease_s)

    async def in_flight(self, connection: AsyncConnection, lane: Lane = WHOLE) -> list[InFlight]:
        """All dispatched and running tasks of a lane: about as many as live workers can take.

        After a crash of PostgreSQL nobody is silent for a lease, since nobody could be heard before. A heartbeat of the
        future was written before the clock was set back; whoever lives has written another since.
        """
        return [
            InFlight(*row)
            for row in await connection.execute(text(_IN_FLIGHT + lane.condition), {"lease": self._lease})
        ]

    async def clock(self, connection: AsyncConnection) -> float:
        """What PostgreSQL takes the time to be, in seconds."""
        return float(await connection.scalar(_CLOCK) or 0)

    async def hasten(self, connection: AsyncConnection, *, longest_s: float) -> int:
        """Let nothing wait for its next try for longer: its time was told before the clock was set back."""
        return (await connection.execute(_HASTEN, {"longest": timedelta(seconds=longest_s)})).rowcount

    async def requeue(self, connection: AsyncConnection, lost: Sequence[tuple[UUID, int]]) -> int:
        """Queue again what was lost on its way or whose worker fell silent, as (id, token it had then).

        Their old tokens are worth nothing afterwards. A task that moved on meanwhile is left alone, and so is one whose
        row is locked: its worker lives and writes.
        """
        values = {"ids": [id_ for id_, _ in lost], "tokens": [token for _, token in lost]}
        return (await connection.execute(_REQUEUE, values)).rowcount

    async def claim(self, connection: AsyncConnection, id_: UUID, token: int, worker: str) -> Claim | None:
        """Make a dispatched task ours; None if it moved on since this token was given out.

        May be repeated by the same worker, should the first answer be lost: that changes nothing and burns no try.
        """
        return _claim(await connection.execute(_CLAIM, {"id": id_, "token": token, "worker": worker}))

    async def claim_next(self, connection: AsyncConnection, worker: str) -> Claim | None:
        """Make the next queued task ours without a dispatcher and without waiting for its backoff: for tests."""
        return _claim(await connection.execute(_CLAIM_NEXT, {"worker": worker}))

    async def state(self, connection: AsyncConnection, id_: UUID) -> str | None:
        """What a task is now."""
        state: str | None = await connection.scalar(_STATE, {"id": id_})
        return state

    async def beat(self, connection: AsyncConnection, id_: UUID, token: int) -> str:
        """Say that we live. Returns ``running``; ``done`` or ``failed`` if we ended it; ``cancelled`` or ``lost``."""
        return await connection.scalar(_BEAT, {"id": id_, "token": token}) or "lost"

    async def end(
        self,
        connection: AsyncConnection,
        id_: UUID,
        token: int,
        state: Literal["done", "failed"],
        reason: str = "",
        detail: str = "",
    ) -> bool:
        """The last word on a task; False if it was not ours to say. Wakes the dispatcher: a place is free."""
        values = {"state": state, "reason": reason or None, "detail": detail or None}
        return await self._settle(connection, _END, id_, token, values)

    async def put_back(
        self, connection: AsyncConnection, id_: UUID, token: int, *, wait_s: float, burned: bool, detail: str = ""
    ) -> bool:
        """Queue our task again for after ``wait_s``; unless ``burned``, this try does not count."""
        wait = timedelta(seconds=wait_s) if wait_s > 0 else None
        values = {"wait": wait, "given_back": 0 if burned else 1, "detail": detail[:2000] or None}
        return await self._settle(connection, _PUT_BACK, id_, token, values)

    async def note(self, connection: AsyncConnection, id_: UUID, token: int, more: Mapping[str, Any]) -> bool:
        """Add to what our task says; False if it is not ours any more."""
        values = {"id": id_, "token": token, "more": json.dumps(dict(more))}
        return bool((await connection.execute(_NOTE, values)).rowcount)

    async def wake(self, connection: AsyncConnection) -> None:
        """Tell the dispatcher, with the commit, that a place is free or a task waits."""
        await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": self._channel})

    async def _settle(
        self, connection: AsyncConnection, statement: Any, id_: UUID, token: int, values: Mapping[str, Any]
    ) -> bool:
        given = {"id": id_, "token": token, "channel": self._channel, **values}
        return bool((await connection.execute(statement, given)).scalar_one())


def _claim(result: Any) -> Claim | None:
    row: Row[Any] | None = result.one_or_none()
    return None if row is None else Claim(**row._mapping)
