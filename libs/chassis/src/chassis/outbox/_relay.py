"""From the outbox to the streams, at least once.

Redis may lose what it accepted: a flush, a crash between two fsyncs, a failover. So a sent row stays for a while with
the number of the batch it went out in, and Redis holds the number of the last batch it has seen: the mark. Where the
two differ, what Redis forgot is sent again; the inboxes recognise what had arrived. The mark moves from one number to
the next, in Redis and only behind its batch: a Redis that forgets in the middle of a batch has no mark to move.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.bus._wire import encode
from chassis.database import Database
from chassis.database._signals import Signals
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_SENT, OUTBOX_AGE, OUTBOX_RESENT, OUTBOX_ROWS

__all__ = ["RedisForgot", "Relay"]

_log = get_logger("chassis.outbox")
_BATCH = 500
_POLL_S = 1.0
_PATIENCE_S = 5.0
"""The longest pause between two attempts while a server is away or full."""
_MEASURE_S = 5.0
_HOUSEKEEPING_S = 60.0

_NEXT = text(
    "SELECT newest.batch, unsent.* FROM (SELECT coalesce(max(sent_batch), 0) AS batch FROM outbox) newest LEFT JOIN"
    " (SELECT position, event_id, stream, body, correlation_id, traceparent FROM outbox WHERE sent_batch IS NULL"
    " ORDER BY position LIMIT :size) unsent ON true ORDER BY unsent.position"
)
_MARK = text(
    "UPDATE outbox SET sent_batch = :batch, sent_at = now() WHERE position = ANY(CAST(:positions AS bigint[]))"
)
_UNMARK = text("UPDATE outbox SET sent_batch = NULL WHERE sent_batch > :batch")
_WAITING = text(
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox WHERE sent_batch IS NULL"
)
# The newest batch stays whatever its age: its number is what Redis is compared with.
_FORGET_SENT = text(
    "DELETE FROM outbox WHERE sent_at < now() - make_interval(secs => :keep)"
    " AND sent_batch < (SELECT max(sent_batch) FROM outbox)"
)
_FORGET_HEARD = text("DELETE FROM inbox WHERE received_at < now() - make_interval(days => :days)")
_MOVE = """
-- KEYS mark; ARGV from to -> 1 the mark stood at `from` and stands at `to`; 0 Redis does not remember `from`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


class RedisForgot(Exception):
    """Redis lost the mark while a batch was on its way: the batch counts as not sent."""


class Relay:
    """Sends what was announced, while this replica leads.

    ``keep_s``: how long sent facts can be sent again, counted from when they were sent: after a long outage what was
    announced long ago is the newest in Redis, and the first to be lost with it. The inboxes remember for longer
    (``inbox_days``), so that what is sent again is recognised. ``poll_s``: how often to look without being woken.
    """

    def __init__(
        self,
        database: Database,
        redis: Any,
        signals: Signals,
        *,
        keep_s: float = 86_400.0,
        inbox_days: int = 14,
        poll_s: float = _POLL_S,
    ) -> None:
        self._database = database
        self._redis = redis
        self._signals = signals
        self._keep_s = keep_s
        self._inbox_days = inbox_days
        self._poll_s = poll_s
        self._mark = f"outbox:{database.service}"
        self._theirs: int | None = None
        self._size = _BATCH
        self._failures = 0
        self._next_house = self._next_measure = 0.0

    async def run(self) -> None:
        """Relay until cancelled; woken by the commit that announced, and at the latest ``poll_s`` behind it."""
        while True:
            if not self._signals.leads:
                self._theirs = None  # another replica may have moved it meanwhile
            await self._signals.until_leading()
            self._signals.forget("outbox")
            try:
                while self._signals.leads and await self.relay():
                    pass
                await self._keep_house()
                self._failures = 0
            except Exception as error:  # noqa: BLE001 (whatever is away, the next round tries again)
                # One fact at a time until one gets through: what a full Redis took of a batch is not marked, and would
                # be sent again each time.
                self._size = 1
                self._failures += 1
                _log.warning("the relay waits", error=repr(error), failures=self._failures)
                await asyncio.sleep(min(_PATIENCE_S, 0.1 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0))
                continue
            await self._signals.wait("outbox", self._poll_s)

    async def relay(self) -> bool:
        """Send one batch; whether there may be more. A crash in the middle sends some of it twice, and loses none."""
        async with self._database._single_statements() as connection:
            found = (await connection.execute(_NEXT, {"size": self._size})).all()
            rows = [row for row in found if row.position is not None]
            if self._theirs is None or not rows:
                self._theirs = int(await self._redis.get(self._mark) or 0)
                if await self._sends_again(connection, int(found[0].batch), self._theirs):
                    return True
            if not rows:
                return False
            mark, self._theirs = self._theirs, None  # until it is certain to have moved
            await self._send(rows, mark)
            await connection.execute(_MARK, {"batch": mark + 1, "positions": [row.position for row in rows]})
            self._theirs = mark + 1
        FACTS_SENT.inc(len(rows))
        more = len(rows) == self._size
        self._size = min(_BATCH, self._size * 4)
        return more

    async def _sends_again(self, connection: AsyncConnection, ours: int, theirs: int) -> bool:
        """What only PostgreSQL knows to have been sent counts as not sent."""
        if theirs >= ours:
            return False
        count = (await connection.execute(_UNMARK, {"batch": theirs})).rowcount
        OUTBOX_RESENT.inc(count)
        _log.warning("Redis has lost facts; they are sent again", count=count)
        return True

    async def _send(self, rows: Sequence[Any], mark: int) -> None:
        """One pipeline on one connection: the mark moves last, so where it stands, the entries are."""
        entries = [
            encode(
                row.body,
                message_id=str(row.event_id),
                correlation_id=row.correlation_id,
                traceparent=row.traceparent,
            )
            for row in rows
        ]
        async with self._redis.pipeline(transaction=False) as pipeline:
            if mark == 0:
                pipeline.set(self._mark, 0, nx=True)
            for row, data in zip(rows, entries, strict=True):
                pipeline.xadd(row.stream, {"__data__": data})
            pipeline.eval(_MOVE, 1, self._mark, mark, mark + 1)
            *_, moved = await pipeline.execute()
        if not moved:
            raise RedisForgot(f"the mark no longer stood at {mark} when its batch had been sent")

    async def _keep_house(self) -> None:
        now = time.monotonic()
        if now >= self._next_measure:
            self._next_measure = now + _MEASURE_S
            async with self._database._single_statements() as connection:
                waiting, oldest_s = (await connection.execute(_WAITING)).one()
            OUTBOX_ROWS.set(waiting)
            OUTBOX_AGE.set(float(oldest_s))
        if now >= self._next_house:
            self._next_house = now + _HOUSEKEEPING_S
            async with self._database._single_statements() as connection:
                await connection.execute(_FORGET_SENT, {"keep": self._keep_s})
                await connection.execute(_FORGET_HEARD, {"days": self._inbox_days})
