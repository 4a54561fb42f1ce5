"""Messages to webhooks in PostgreSQL: what became of each, and its place in the queue while it is pending."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import uuid7
from gateway.adapters.postgres.tables import webhook_deliveries, webhook_lanes, webhook_queue
from gateway.domain.notices import Notice, body_of
from gateway.domain.webhooks import Delivery, DeliveryState
from gateway.ports.webhooks import Claim

__all__ = ["PostgresDeliveries"]

_kept = webhook_deliveries
_RESULT = ("state", "attempts", "status", "error", "seconds", "attempted_at", "next_attempt_at")


class PostgresDeliveries:
    """Deliveries of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, webhook_ids: Sequence[UUID], notice: Notice, *, now: datetime) -> Sequence[Delivery]:
        """Record one message for each of these webhooks, due at once."""
        event_id, body = uuid7(), body_of(notice, now=now)
        new = [
            Delivery(
                id=uuid7(),
                webhook_id=webhook_id,
                event_id=event_id,
                type=notice.type.value,
                body=body,
                created_at=now,
                video_id=notice.video_id,
                next_attempt_at=now,
            )
            for webhook_id in webhook_ids
        ]
        if new:
            await self._connection.execute(insert(_kept).values([asdict(delivery) for delivery in new]))
            rows = [{"delivery_id": one.id, "webhook_id": one.webhook_id, "due_at": func.now()} for one in new]
            await self._connection.execute(insert(webhook_queue).values(rows))
        return new

    async def get(self, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
        """One delivery."""
        query = select(_kept).where(_kept.c.id == delivery_id, _kept.c.webhook_id == webhook_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _delivery(row)

    async def page(
        self, webhook_id: UUID, *, state: DeliveryState | None, before: UUID | None, limit: int
    ) -> Sequence[Delivery]:
        """The newest deliveries of a webhook, older than the one named ``before``."""
        query = select(_kept).where(_kept.c.webhook_id == webhook_id).order_by(_kept.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(_kept.c.state == state)
        if before is not None:
            query = query.where(_kept.c.id < before)
        return [_delivery(row) for row in (await self._connection.execute(query)).mappings()]

    async def settle(self, claim: Claim, delivery: Delivery) -> bool:
        """Record how a try went, and when the next one is due if one is; False if the claim was not ours any more."""
        ours = (webhook_queue.c.delivery_id == claim.delivery_id) & (webhook_queue.c.token == claim.token)
        if delivery.state == "pending":
            again = update(webhook_queue).where(ours).values(due_at=delivery.next_attempt_at, leased_until=None)
            settled = await self._connection.execute(again)
        else:
            settled = await self._connection.execute(delete(webhook_queue).where(ours))
        if settled.rowcount != 1:
            return False
        values = {name: getattr(delivery, name) for name in _RESULT}
        await self._connection.execute(update(_kept).where(_kept.c.id == delivery.id).values(values))
        return True

    async def end_pending(self, webhook_id: UUID, error: str) -> int:
        """Give up all that waits for a webhook; returns how many."""
        await self._connection.execute(delete(webhook_queue).where(webhook_queue.c.webhook_id == webhook_id))
        pending = (_kept.c.webhook_id == webhook_id) & (_kept.c.state == "pending")
        ended = update(_kept).where(pending).values(state="failed", error=error, next_attempt_at=None)
        return (await self._connection.execute(ended)).rowcount

    async def replay(self, webhook_id: UUID, delivery_id: UUID) -> bool:
        """Make a delivery due at once, with all its tries; False if there is none such."""
        return await self._replay((_kept.c.webhook_id == webhook_id) & (_kept.c.id == delivery_id)) == 1

    async def replay_failed(self, webhook_id: UUID, *, since: datetime) -> int:
        """Make every failed delivery recorded since then due at once; returns how many."""
        failed = (_kept.c.webhook_id == webhook_id) & (_kept.c.state == "failed")
        return await self._replay(failed & (_kept.c.created_at >= since))

    async def slow_down(self, webhook_id: UUID, *, failing: bool, pause_s: float | None) -> None:
        """Note whether a webhook fails, and send it nothing for a while."""
        until = None if pause_s is None else func.now() + timedelta(seconds=pause_s)
        lane = update(webhook_lanes).where(webhook_lanes.c.webhook_id == webhook_id)
        await self._connection.execute(lane.values(failing=failing, paused_until=until))

    async def erase(self, video_id: UUID) -> int:
        """Forget every message about a video, sent or not; returns how many there were."""
        about = select(_kept.c.id).where(_kept.c.video_id == video_id)
        await self._connection.execute(delete(webhook_queue).where(webhook_queue.c.delivery_id.in_(about)))
        return (await self._connection.execute(delete(_kept).where(_kept.c.video_id == video_id))).rowcount

    async def forget_old(self, *, older_than_s: float, limit: int) -> int:
        """Forget deliveries that were over so long ago; returns how many."""
        old = (
            select(_kept.c.id)
            .where(_kept.c.state != "pending", _kept.c.created_at < func.now() - timedelta(seconds=older_than_s))
            .order_by(_kept.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self._connection.execute(delete(_kept).where(_kept.c.id.in_(old)))).rowcount

    async def _replay(self, which: ColumnElement[bool]) -> int:
        fresh = {"state": "pending", "attempts": 0, "error": None, "next_attempt_at": func.now()}
        row = update(_kept).where(which).values(fresh)
        found = (await self._connection.execute(row.returning(_kept.c.id, _kept.c.webhook_id))).all()
        if not found:
            return 0
        places = insert(webhook_queue).values(
            [{"delivery_id": id_, "webhook_id": webhook_id, "due_at": func.now()} for id_, webhook_id in found]
        )
        # One that waits already is due now; one that is being tried is tried to its end and then as it falls out.
        now_due = places.on_conflict_do_update(index_elements=["delivery_id"], set_={"due_at": func.now()})
        await self._connection.execute(now_due)
        return len(found)


def _delivery(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(**{name: value for name, value in row.items() if name != "tenant_id"})
