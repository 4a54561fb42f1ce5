"""The log of events in PostgreSQL.

A number that is drawn inside a transaction becomes visible when that commits, so a lower one may appear after a higher
one was read, and whoever goes on from the higher one never sees it. So events are committed without a place. Places
are given afterwards, only to what is committed, by transactions that take turns (they lock the tenant's head), each
behind the last place that was given. So what is behind a place that somebody has seen was given its place later, and
is always still to come.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables.events import event_heads, events
from gateway.domain.notices import Notice, body_of
from gateway.ports.events import Extent, LoggedEvent

__all__ = ["PostgresEvents"]

_BATCH = 5000
_UNNUMBERED = text("SELECT EXISTS (SELECT FROM events WHERE position IS NULL)")
_HEAD = text("INSERT INTO event_heads DEFAULT VALUES ON CONFLICT DO NOTHING")
_LOCK = text("SELECT last FROM event_heads FOR UPDATE")
# A statement of its own, behind the lock: it sees what the one before it committed.
_NUMBER = text(
    """
    WITH fresh AS (
        SELECT seq, row_number() OVER (ORDER BY seq) AS place
        FROM (SELECT seq FROM events WHERE position IS NULL ORDER BY seq LIMIT :limit) oldest
    ), numbered AS (
        UPDATE events SET position = :last + fresh.place FROM fresh WHERE events.seq = fresh.seq RETURNING 1
    )
    UPDATE event_heads SET last = :last + (SELECT count(*) FROM numbered) RETURNING last
    """
)
_FORGET = text(
    """
    WITH gone AS (
        DELETE FROM events WHERE seq IN (
            SELECT seq FROM (SELECT seq, position, created_at FROM events
                             WHERE position IS NOT NULL ORDER BY position LIMIT :limit) oldest
            WHERE created_at < now() - CAST(:age AS interval) OR position <= :before)
        RETURNING position
    )
    SELECT count(*) AS size, max(position) AS last FROM gone
    """
)
_FIELDS = ("position", "type", "job_id", "video_id", "body")


class PostgresEvents:
    """Events of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, notices: Sequence[Notice], *, now: datetime) -> None:
        """Record what happened, as part of the transaction that makes it so."""
        rows = [
            {
                "type": notice.type.value,
                "job_id": _id(notice, "job_id"),
                "video_id": _id(notice, "video_id"),
                "body": body_of(notice, now=now),
            }
            for notice in notices
        ]
        await self._connection.execute(insert(events).inline(), rows)

    async def number(self) -> int:
        """Give committed events their places, behind all that have one; returns to how many."""
        total = 0
        while await self._connection.scalar(_UNNUMBERED):
            last = await self._locked_head()
            now_last = await self._connection.scalar(_NUMBER, {"last": last, "limit": _BATCH})
            total += int(now_last or last) - last
        return total

    async def extent(self) -> Extent:
        """How far the log reaches."""
        columns = (event_heads.c.forgotten, event_heads.c.last, event_heads.c.erased)
        row = (await self._connection.execute(select(*columns))).one_or_none()
        return Extent() if row is None else Extent(row.forgotten, row.last, row.erased)

    async def after(self, position: int, *, limit: int) -> Sequence[LoggedEvent]:
        """The first events behind this place."""
        query = select(*(events.c[name] for name in _FIELDS)).where(events.c.position > position)
        found = await self._connection.execute(query.order_by(events.c.position).limit(limit))
        return [_event(row) for row in found.mappings()]

    async def latest(self, *, limit: int) -> Sequence[LoggedEvent]:
        """The last events, in order."""
        query = select(*(events.c[name] for name in _FIELDS)).where(events.c.position.is_not(None))
        found = await self._connection.execute(query.order_by(events.c.position.desc()).limit(limit))
        return [_event(row) for row in found.mappings()][::-1]

    async def erase(self, video_id: UUID) -> int:
        """Forget every event about a video; returns how many there were."""
        return (await self._connection.execute(delete(events).where(events.c.video_id == video_id))).rowcount

    async def forget_old(self, *, older_than_s: float, beyond: int, limit: int) -> int:
        """Forget up to ``limit`` of the oldest that are older, or beyond so many newer ones; returns how many.

        All get their places first: who comes back with the last place it saw can be told that there were more.
        """
        await self.number()
        last = await self._locked_head()
        values = {"age": timedelta(seconds=older_than_s), "before": last - beyond, "limit": limit}
        gone = (await self._connection.execute(_FORGET, values)).one()
        if gone.size:
            await self._connection.execute(event_heads.update().values(forgotten=gone.last))
        return int(gone.size)

    async def _locked_head(self) -> int:
        await self._connection.execute(_HEAD)
        return int(await self._connection.scalar(_LOCK) or 0)


def _id(notice: Notice, name: str) -> UUID | None:
    found = notice.data.get(name)
    return None if found is None else UUID(str(found))


def _event(row: Mapping[Any, Any]) -> LoggedEvent:
    return LoggedEvent(**row)
