"""What is due, over all tenants: one statement that is fair between webhooks.

Each webhook has a place in turn, however long its queue. One that answers slowly holds no more than its own few places,
and those that fail share at most half of the room, so that the sound ones are served though a hundred others hang.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ports.webhooks import Claim

__all__ = ["PostgresDeliveryQueue"]

_OPEN = text(
    "SELECT set_config('gateway.courier', 'yes', true),"
    " pg_advisory_xact_lock(hashtextextended('gateway/webhook queue', 0))"
)
"""One replica claims at a time, so that what another just took is counted."""
_STEADY = text("SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)")
"""Hold the plan to the indexes, whatever the statistics say: a bitmap would read the whole queue of a busy webhook."""

# The recursion steps from webhook to webhook along the index, so that a long queue of one is not read through.
_CLAIM = text(
    """
    WITH RECURSIVE waiting AS (
        (SELECT webhook_id FROM webhook_queue ORDER BY webhook_id LIMIT 1)
        UNION ALL
        SELECT (SELECT next.webhook_id FROM webhook_queue next WHERE next.webhook_id > waiting.webhook_id
                ORDER BY next.webhook_id LIMIT 1)
        FROM waiting WHERE waiting.webhook_id IS NOT NULL
    ), lanes AS (
        SELECT lane.webhook_id, lane.failing, busy.count AS busy
        FROM waiting JOIN webhook_lanes lane USING (webhook_id)
        CROSS JOIN LATERAL (SELECT count(*) FROM webhook_queue
                            WHERE webhook_id = lane.webhook_id AND leased_until > now()) busy
        WHERE lane.paused_until IS NULL OR lane.paused_until <= now()
    ), due AS (
        SELECT first.delivery_id, lanes.failing, lanes.busy + first.turn AS turn, first.due_at
        FROM lanes CROSS JOIN LATERAL (
            SELECT delivery_id, due_at, row_number() OVER () AS turn FROM (
                SELECT delivery_id, due_at FROM webhook_queue
                WHERE webhook_id = lanes.webhook_id AND due_at <= now()
                  AND (leased_until IS NULL OR leased_until <= now())
                ORDER BY due_at, delivery_id LIMIT greatest(0, :per_webhook - lanes.busy)) oldest) first
    ), ranked AS (
        SELECT due.*, row_number() OVER (PARTITION BY failing ORDER BY turn, due_at) AS place FROM due
    ), chosen AS (
        SELECT delivery_id FROM ranked
        WHERE NOT failing OR place <= :half - (SELECT coalesce(sum(busy), 0) FROM lanes WHERE failing)
        ORDER BY failing, turn, due_at LIMIT :room
    )
    UPDATE webhook_queue SET leased_until = now() + CAST(:lease AS interval), token = token + 1
    FROM chosen WHERE webhook_queue.delivery_id = chosen.delivery_id
    RETURNING webhook_queue.delivery_id, webhook_queue.tenant_id, webhook_queue.webhook_id, webhook_queue.token
    """
)
_RELEASE = text(
    """
    UPDATE webhook_queue SET leased_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:tokens AS bigint[])) AS held(delivery_id, token)
    WHERE webhook_queue.delivery_id = held.delivery_id AND webhook_queue.token = held.token
    """
)
_WAITING = text(
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now()"
    " AND (leased_until IS NULL OR leased_until <= now()))), 0) FROM webhook_queue"
)


class PostgresDeliveryQueue:
    """Statements of the courier. Each takes the connection of the transaction it is part of."""

    def __init__(self, *, slots: int) -> None:
        self._slots = slots

    async def claim(
        self, connection: AsyncConnection, *, room: int, per_webhook: int, lease_s: float
    ) -> Sequence[Claim]:
        """Take what is due: webhooks in turns, at most so many at once of each, those that fail after the others."""
        await connection.execute(_OPEN)
        await connection.execute(_STEADY)
        values = {"room": room, "per_webhook": per_webhook, "half": max(1, self._slots // 2)}
        rows = await connection.execute(_CLAIM, {**values, "lease": timedelta(seconds=lease_s)})
        return [Claim(row.delivery_id, row.tenant_id, row.webhook_id, row.token) for row in rows]

    async def release(self, connection: AsyncConnection, claims: Sequence[Claim]) -> None:
        """Give back what was not tried."""
        await connection.execute(_OPEN)
        columns = {"ids": [claim.delivery_id for claim in claims], "tokens": [claim.token for claim in claims]}
        await connection.execute(_RELEASE, columns)

    @staticmethod
    async def waiting(connection: AsyncConnection) -> tuple[int, float]:
        """How many deliveries wait, and for how many seconds the first has been due; for the metrics."""
        await connection.execute(text("SELECT set_config('gateway.courier', 'yes', true)"))
        count, overdue_s = (await connection.execute(_WAITING)).one()
        return int(count), float(overdue_s)
