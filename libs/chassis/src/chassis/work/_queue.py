"""The task rows as the dispatcher sees them. What a round costs depends on what it dispatches, not on what waits.

Every question below is answered from a partial index that holds just the rows in question, a few entries at a time:
who is next is found by leaping from tenant to tenant (a loose index scan), never by ranking the queue. States are
written out in the statements, for a parameter would hide from the planner that an index of queued rows will do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database._tables import PRIORITIES
from chassis.work._lanes import WHOLE, Lane

__all__ = ["Outlook", "Sent", "TaskQueue"]

_READY = "state = 'queued' AND not_before IS NULL"

_STEADY = text(
    # The queue grows from nothing to a hundred thousand rows faster than statistics follow; these plans fit any size.
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),"
    " set_config('plan_cache_mode', 'force_generic_plan', true)"
)

# One question a class, each of its own: of a list of classes the planner would make a join, and read the whole queue.
_CLASSES = ", ".join(
    f"CASE WHEN EXISTS (SELECT FROM tasks WHERE {_READY} AND priority = {number}) THEN {number} END"
    for number in sorted(PRIORITIES.values())
)
_OUTLOOK = f"""
    SELECT array_remove(ARRAY[{_CLASSES}], NULL) AS priorities,
           (SELECT extract(epoch FROM min(not_before) - now())::float8 FROM tasks
            WHERE state = 'queued' AND not_before IS NOT NULL) AS due_s
    """

_RING = f"""
    WITH RECURSIVE ahead AS (
        (SELECT tenant_id FROM tasks WHERE {_READY} AND priority = :priority AND tenant_id > :after
         ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT later.tenant_id FROM ahead CROSS JOIN LATERAL (
            SELECT tenant_id FROM tasks WHERE {_READY} AND priority = :priority AND tenant_id > ahead.tenant_id
            ORDER BY tenant_id LIMIT 1) later
    ), behind AS (
        (SELECT tenant_id FROM tasks WHERE {_READY} AND priority = :priority ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT later.tenant_id FROM behind CROSS JOIN LATERAL (
            SELECT tenant_id FROM tasks WHERE {_READY} AND priority = :priority AND tenant_id > behind.tenant_id
            ORDER BY tenant_id LIMIT 1) later
    )
    SELECT tenant_id FROM (
        SELECT tenant_id FROM ahead UNION ALL SELECT tenant_id FROM behind WHERE tenant_id <= :after
    ) ring LIMIT :limit
    """

_DISPATCH = f"""
    WITH chosen AS (
        SELECT oldest.id, oldest.turn, share.place
        FROM unnest(CAST(:tenants AS uuid[]), CAST(:shares AS int[])) WITH ORDINALITY AS share(tenant_id, size, place)
        CROSS JOIN LATERAL (
            SELECT id, row_number() OVER () AS turn FROM (
                SELECT id FROM tasks WHERE {_READY} AND priority = :priority AND tenant_id = share.tenant_id
                ORDER BY created_at, id LIMIT share.size FOR UPDATE SKIP LOCKED) by_age) oldest
    )
    UPDATE tasks SET state = 'dispatched', token = token + 1, heartbeat_at = now(), changed_at = now()
    FROM chosen WHERE tasks.id = chosen.id AND tasks.state = 'queued'
    RETURNING tasks.id, tasks.tenant_id, tasks.token, chosen.turn, chosen.place
    """

_PROMOTE = text(
    """
    UPDATE tasks SET not_before = NULL WHERE state = 'queued' AND id IN (
        SELECT id FROM tasks WHERE state = 'queued' AND not_before IS NOT NULL AND not_before <= now()
        ORDER BY not_before LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
)

_IN_FLIGHT = "SELECT tenant_id, count(*) FROM tasks WHERE state IN ('dispatched', 'running')%s GROUP BY tenant_id"

_COUNTS = text("SELECT state, count(*) FROM tasks WHERE state IN ('queued', 'dispatched', 'running') GROUP BY state")

_FORGET = text(
    """
    DELETE FROM tasks WHERE id IN (
        SELECT id FROM tasks WHERE state IN ('done', 'failed', 'cancelled')
        AND changed_at < now() - make_interval(days => :days) ORDER BY changed_at LIMIT :batch)
    """
)


@dataclass(frozen=True)
class Outlook:
    """What there is to dispatch."""

    priorities: Sequence[int]
    """Classes with a task that may start now, the most urgent first."""
    due_s: float | None
    """Until the next waiting task may start; not above 0 if it may already, None if none waits."""


@dataclass(frozen=True)
class Sent:
    """A task that was dispatched, and the token its claim must show."""

    id: UUID
    tenant_id: UUID
    token: int


class TaskQueue:
    """The dispatcher's statements, on tasks of a lane. Each takes the connection of the transaction it is part of."""

    def __init__(self, lane: Lane = WHOLE) -> None:
        def of_lane(statement: str) -> TextClause:
            return text(statement.replace(_READY, f"{_READY}{lane.condition}"))

        self._outlook, self._ring, self._dispatch = of_lane(_OUTLOOK), of_lane(_RING), of_lane(_DISPATCH)
        self._in_flight = text(_IN_FLIGHT % lane.condition)

    async def steady(self, connection: AsyncConnection) -> None:
        """Hold this transaction's plans to the indexes, whatever the statistics say."""
        await connection.execute(_STEADY)

    async def outlook(self, connection: AsyncConnection) -> Outlook:
        """What is ready, and when more will be."""
        row = (await connection.execute(self._outlook)).one()
        return Outlook(row.priorities, row.due_s)

    async def in_flight(self, connection: AsyncConnection) -> dict[UUID, int]:
        """Dispatched and running tasks by tenant."""
        return {tenant: count for tenant, count in await connection.execute(self._in_flight)}

    async def ring(self, connection: AsyncConnection, priority: int, *, after: UUID, limit: int) -> list[UUID]:
        """The next tenants with a ready task of this class: those behind ``after`` first, then from the start."""
        values = {"priority": priority, "after": after, "limit": limit}
        return list((await connection.execute(self._ring, values)).scalars())

    async def dispatch(self, connection: AsyncConnection, priority: int, shares: Mapping[UUID, int]) -> list[Sent]:
        """Mark the oldest ready tasks of these tenants dispatched, so many of each; returns them in turns."""
        values = {"priority": priority, "tenants": list(shares), "shares": list(shares.values())}
        rows = (await connection.execute(self._dispatch, values)).all()
        return [Sent(row.id, row.tenant_id, row.token) for row in sorted(rows, key=lambda row: (row.turn, row.place))]

    async def promote(self, connection: AsyncConnection, *, limit: int = 1000) -> int:
        """Let tasks whose wait is over take their old place in the queue."""
        return (await connection.execute(_PROMOTE, {"limit": limit})).rowcount

    async def counts(self, connection: AsyncConnection) -> dict[str, int]:
        """Unfinished tasks by state. It looks at all of them: for once in a while."""
        return {state: count for state, count in await connection.execute(_COUNTS)}

    async def forget_old(self, connection: AsyncConnection, *, days: int, batch: int = 1000) -> int:
        """Delete up to ``batch`` tasks that ended so many days ago."""
        return (await connection.execute(_FORGET, {"days": days, "batch": batch})).rowcount
