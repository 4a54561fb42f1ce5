"""The list of ended sessions in Redis, asked at every request; PostgreSQL has the same list and the last word.

Redis is asked because it is quick. It is believed only while it is known to be complete: a marker in it says so, set by
whoever copied the whole list and gone after a flush or half a minute without copying. Whoever sees Redis fail, or the
marker gone, asks PostgreSQL instead until it has copied the list itself. So a Redis that is away costs a query, and
neither lets an ended session in nor keeps a good one out.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from sqlalchemy import func, select

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.adapters.postgres.tables import revocations
from gateway.adapters.trips import Answer, Trips, answer_of

__all__ = ["RedisRevocations"]

_log = get_logger(__name__)
_COMPLETE = "gateway.revoked"
_COMPLETE_S = 30
_TIMEOUT_S = 0.5


class RedisRevocations:
    """Ended sessions whose access tokens have not all expired."""

    def __init__(
        self, database: Database, redis_url: str, *, trips: Trips | None = None, copy_every_s: float = 5.0
    ) -> None:
        self._database = database
        self._trips = trips or Trips(redis_url)
        self._redis = Redis.from_url(
            redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
        )
        self._copy_every_s = copy_every_s
        self._believed = False
        self._doubt = asyncio.Event()
        self._doubts = 0

    @property
    def believed(self) -> bool:
        """Whether this replica takes Redis's word at the moment."""
        return self._believed

    def ahead(self, session_id: UUID) -> Answer | None:
        """Ask about a session already, together with whatever else is asked just now, for ``revoked`` to read."""
        return self._trips.ask("MGET", _COMPLETE, _key(session_id)) if self._believed else None

    async def revoked(self, session_id: UUID, *, ahead: Answer | None = None) -> bool:
        """Whether a session was ended."""
        asked = ahead or self.ahead(session_id)
        if asked is not None and self._believed:
            try:
                complete, listed = await answer_of(asked)
            except (RedisError, OSError) as error:
                self._disbelieve(repr(error))
            else:
                if complete is None:
                    self._disbelieve("the list is gone")
                elif self._believed:  # it may have been doubted since it was asked
                    return listed is not None
        async with self._database.begin_untenanted() as connection:
            found = await connection.scalar(
                select(revocations.c.session_id).where(
                    revocations.c.session_id == session_id, revocations.c.until > func.now()
                )
            )
        return found is not None

    async def publish(self, session_ids: Sequence[UUID]) -> None:
        """Tell every replica about sessions whose end is committed. If Redis is away, the next copy does."""
        if not session_ids:
            return
        async with self._database.begin_untenanted() as connection:
            rows = select(revocations.c.session_id, revocations.c.until)
            listed = (await connection.execute(rows.where(revocations.c.session_id.in_(session_ids)))).all()
        try:
            await self._write([(session_id, until) for session_id, until in listed])
        except (RedisError, OSError) as error:
            self._disbelieve(repr(error))

    async def run(self) -> None:
        """Copy the list again and again, at once when it is in doubt."""
        while True:
            self._doubt.clear()
            try:
                await self.copy()
            except Exception as error:  # noqa: BLE001 (until it works, PostgreSQL is asked)
                self._disbelieve(repr(error))
                await asyncio.sleep(1)
                continue
            try:
                async with asyncio.timeout(self._copy_every_s):
                    await self._doubt.wait()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Give the connections back."""
        await self._trips.close()
        await self._redis.aclose()

    async def copy(self) -> None:
        """Write the whole list, then say that it is whole. What is in doubt meanwhile is not believed."""
        doubts = self._doubts
        async with self._database.begin_untenanted() as connection:
            rows = select(revocations.c.session_id, revocations.c.until).where(revocations.c.until > func.now())
            listed = (await connection.execute(rows)).all()
        await self._write([(session_id, until) for session_id, until in listed])
        await self._redis.set(_COMPLETE, 1, ex=_COMPLETE_S)
        if not self._believed and doubts == self._doubts:
            _log.info("the list of ended sessions is in Redis", sessions=len(listed))
        self._believed = doubts == self._doubts

    async def _write(self, listed: Sequence[tuple[UUID, datetime]]) -> None:
        for start in range(0, len(listed), 1000):
            pipeline = self._redis.pipeline(transaction=False)
            for session_id, until in listed[start : start + 1000]:
                _ = pipeline.set(_key(session_id), 1, exat=until)
            await pipeline.execute()

    def _disbelieve(self, why: str) -> None:
        if self._believed:
            _log.warning("Redis is not asked about ended sessions for now; PostgreSQL is", why=why)
        self._believed = False
        self._doubts += 1
        self._doubt.set()


def _key(session_id: UUID) -> str:
    return f"gateway.revoked:{session_id}"
