"""Word of changed jobs between replicas, over Redis publish/subscribe.

The word is a hint and may get lost: whoever listens reads the job from PostgreSQL, and looks for itself every few
seconds while Redis is away.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from typing_extensions import override

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger

__all__ = ["RedisChanges", "TellingDatabase"]

_log = get_logger(__name__)
_CHANNEL = "gateway.changes"
_LISTEN_S = 5.0
_RECONNECT_S = 1.0
_MOST_UNSENT = 10_000
"""Words kept while Redis is away; more are dropped, since everybody polls then anyway."""


class _Bell:
    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


class RedisChanges:
    """One subscription a replica, however many clients watch; bells inside the replica."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(
            redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=2,
            socket_timeout=_LISTEN_S + 5,
            health_check_interval=10,
        )
        self._bells: dict[UUID, set[_Bell]] = {}
        self._noted: WeakKeyDictionary[UnitOfWork, set[UUID]] = WeakKeyDictionary()
        self._unsent: dict[UUID, None] = {}
        self._something_to_send = asyncio.Event()
        self._reliable = False
        self._over = False

    @property
    def over(self) -> bool:
        """Whether this replica is about to go: who listens should stop, and ask another one."""
        return self._over

    @property
    def reliable(self) -> bool:
        """Whether word comes through at the moment."""
        return self._reliable

    @property
    def listeners(self) -> int:
        """How many clients watch a job through this replica."""
        return sum(len(bells) for bells in self._bells.values())

    def note(self, work: UnitOfWork, job_id: UUID) -> None:
        """Pass the word on once the work is committed."""
        self._noted.setdefault(work, set()).add(job_id)

    def committed(self, work: UnitOfWork) -> None:
        """The work is committed: ring here at once, and in the other replicas as soon as Redis takes it."""
        for job_id in self._noted.pop(work, ()):
            self._ring(job_id)
            if len(self._unsent) < _MOST_UNSENT:
                self._unsent[job_id] = None
                self._something_to_send.set()

    @asynccontextmanager
    async def listen(self, job_id: UUID) -> AsyncIterator[_Bell]:
        """A bell for one job."""
        bell = _Bell()
        self._bells.setdefault(job_id, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[job_id]
            bells.discard(bell)
            if not bells:
                del self._bells[job_id]

    async def run(self) -> None:
        """Carry words both ways, for as long as the service lives."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive_forever())
                tasks.create_task(self._send_forever())
        finally:
            self._reliable, self._over = False, True
            self._ring_all()

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _receive_forever(self) -> None:
        while True:
            try:
                await self._receive()
            except (RedisError, OSError) as error:
                if self._reliable:
                    _log.warning("lost word of changed jobs; clients are served by polling", error=str(error))
                self._reliable = False
                self._ring_all()
                await asyncio.sleep(_RECONNECT_S)

    async def _receive(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=False) as subscription:
            await subscription.subscribe(_CHANNEL)
            while True:
                message = await subscription.get_message(timeout=_LISTEN_S)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    self._reliable = True
                    self._ring_all()  # what was said before we listened is known to nobody here
                elif message["type"] == "message":
                    self._hear(message["data"])

    def _hear(self, word: bytes) -> None:
        try:
            self._ring(UUID(word.decode()))
        except ValueError:
            _log.warning("a word on the channel of changed jobs is no job id", channel=_CHANNEL)

    async def _send_forever(self) -> None:
        while True:
            await self._something_to_send.wait()
            self._something_to_send.clear()
            while self._unsent:
                job_id = next(iter(self._unsent))
                del self._unsent[job_id]  # before it is said: a change made meanwhile is another word
                try:
                    await self._redis.publish(_CHANNEL, str(job_id))
                except (RedisError, OSError):
                    self._unsent[job_id] = None
                    await asyncio.sleep(_RECONNECT_S)

    def _ring(self, job_id: UUID) -> None:
        for bell in self._bells.get(job_id, ()):
            bell.ring()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()


class TellingDatabase(Database):
    """A database that passes the word on about the jobs a transaction changed, once it is committed."""

    def __init__(self, url: str, *, service: str, changes: RedisChanges) -> None:
        super().__init__(url, service=service)
        self._changes = changes

    @override
    def committed(self, work: UnitOfWork) -> None:
        """Pass the word on about what this work changed."""
        self._changes.committed(work)
