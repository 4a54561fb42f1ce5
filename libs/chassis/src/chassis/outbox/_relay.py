"""From the outbox to the streams, at least once.

Redis may lose what it accepted: a flush, a crash between two fsyncs, a failover. So a sent row stays for a while with
the number of the batch it went out in, and Redis holds the number of the last batch it has seen, written behind the
batch itself. Where the two differ, what Redis forgot is sent again; the inboxes recognise what had arrived.
"""

import asyncio
import time
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.bus._wire import encode
from chassis.database import Database
from chassis.database._signals import Signals
from chassis.database._tables import inbox, outbox
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_SENT, OUTBOX_AGE, OUTBOX_RESENT, OUTBOX_ROWS

__all__ = ["Relay"]

_log = get_logger("chassis.outbox")
_BATCH = 200
_POLL_S = 1.0
_HOUSEKEEPING_S = 60.0


class Relay:
    """Sends what was announced, while this replica leads.

    ``keep_s``: how long sent facts can be sent again. The inboxes remember for longer (``inbox_days``), so that what is
    sent again is recognised.
    """

    def __init__(
        self,
        database: Database,
        redis: Any,
        signals: Signals,
        *,
        keep_s: float = 86_400.0,
        inbox_days: int = 14,
    ) -> None:
        self._database = database
        self._redis = redis
        self._signals = signals
        self._keep_s = keep_s
        self._inbox_days = inbox_days
        self._mark = f"outbox:{database.service}"
        self._next_house = 0.0

    async def run(self) -> None:
        """Relay until cancelled; at most one second behind, and a few milliseconds as a rule."""
        while True:
            await self._signals.until_leading()
            self._signals.forget("outbox")
            try:
                while await self.relay() == _BATCH:
                    pass
                await self._keep_house()
            except Exception as error:  # noqa: BLE001 (whatever is away, the next round tries again)
                _log.warning("the relay waits", error=repr(error))
                await asyncio.sleep(_POLL_S)
            await self._signals.wait("outbox", _POLL_S)

    async def relay(self) -> int:
        """Send one batch; returns its size. A crash in the middle sends some of it twice, and loses none."""
        async with self._database.begin_untenanted() as connection:
            last = await self._agree(connection)
            query = select(outbox).where(outbox.c.sent_batch.is_(None)).order_by(outbox.c.position).limit(_BATCH)
            rows = (await connection.execute(query)).all()
        if not rows:
            return 0
        await self._send(rows, last + 1)
        async with self._database.begin_untenanted() as connection:
            sent = update(outbox).where(outbox.c.position.in_([row.position for row in rows]))
            await connection.execute(sent.values(sent_batch=last + 1))
        FACTS_SENT.inc(len(rows))
        return len(rows)

    async def _agree(self, connection: AsyncConnection) -> int:
        """The number of the last batch that both sides know; what only PostgreSQL knows is to be sent again."""
        ours = int(await connection.scalar(select(func.max(outbox.c.sent_batch))) or 0)
        theirs = int(await self._redis.get(self._mark) or 0)
        if theirs < ours:
            again = update(outbox).where(outbox.c.sent_batch > theirs).values(sent_batch=None)
            count = (await connection.execute(again)).rowcount
            OUTBOX_RESENT.inc(count)
            _log.warning("Redis has lost facts; they are sent again", count=count)
        return max(ours, theirs)

    async def _send(self, rows: Any, batch: int) -> None:
        """One pipeline on one connection: the mark comes last, so where the mark is, the entries are."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for row in rows:
                data = await encode(
                    row.body,
                    message_id=str(row.event_id),
                    correlation_id=row.correlation_id,
                    traceparent=row.traceparent,
                )
                pipeline.xadd(row.stream, {"__data__": data})
            pipeline.set(self._mark, batch)
            await pipeline.execute()

    async def _keep_house(self) -> None:
        await self._measure()
        if time.monotonic() < self._next_house:
            return
        self._next_house = time.monotonic() + _HOUSEKEEPING_S
        async with self._database.begin_untenanted() as connection:
            # The newest batch stays whatever its age: its number is what Redis is compared with.
            await connection.execute(
                text(
                    "DELETE FROM outbox WHERE created_at < now() - make_interval(secs => :keep)"
                    " AND sent_batch < (SELECT max(sent_batch) FROM outbox)"
                ),
                {"keep": self._keep_s},
            )
            old = func.now() - func.make_interval(0, 0, 0, self._inbox_days)
            await connection.execute(inbox.delete().where(inbox.c.received_at < old))

    async def _measure(self) -> None:
        age = func.extract("epoch", func.now() - func.min(outbox.c.created_at))
        async with self._database.begin_untenanted() as connection:
            query = select(func.count(), age).where(outbox.c.sent_batch.is_(None))
            rows, oldest = (await connection.execute(query)).one()
        OUTBOX_ROWS.set(rows)
        OUTBOX_AGE.set(float(oldest or 0))
