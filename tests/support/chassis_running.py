"""The toy service on real servers, in this process or in one of its own, for the tests of the chassis."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from chassis._endings import end
from chassis.bus._wire import redis_client
from chassis.database._signals import Signals
from chassis.database._tables import outbox, tasks
from chassis.outbox import Relay
from chassis.run import Service
from chassis.testing import drop_database, fresh_database, service_url
from contracts import Fact
from support.chassis_toy import TENANT, VERSIONS, Settings, acting, build, notes


@dataclass(frozen=True)
class Toy:
    """A toy service with its servers, not running."""

    service: Service
    settings: Settings
    redis: Any
    admin_url: str
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def announce(self, fact: Fact, *, tenant_id: UUID = TENANT, job_id: UUID | None = None) -> None:
        """Put a fact in the outbox."""
        async with self.service.database.begin(tenant_id) as work:
            await work.announce(fact, subject="11111111-1111-4111-8111-111111111111", job_id=job_id)

    async def enqueue(self, key: str, *, tenant_id: UUID = TENANT, **more: Any) -> None:
        """Put a task in the queue."""
        payload = {"run": 1, **more.pop("payload", {})}
        async with self.service.database.begin(tenant_id) as work:
            await work.enqueue(
                step="transcript",
                kind=more.pop("kind", "act"),
                key=key,
                subject="11111111-1111-4111-8111-111111111111",
                payload=payload,
                **more,
            )

    async def notes(self, tenant_id: UUID = TENANT) -> list[str]:
        """What the toy noted for this tenant."""
        async with self.service.database.read(tenant_id) as connection:
            return list((await connection.execute(select(notes.c.text).order_by(notes.c.id))).scalars())

    async def task(self, key: str) -> Any:
        """The row of this task."""
        async with self.service.database.begin_untenanted() as connection:
            return (await connection.execute(select(tasks).where(tasks.c.key == key))).one()

    async def announced(self, stream: str) -> list[str]:
        """Bodies of the facts announced on this stream."""
        async with self.service.database.begin_untenanted() as connection:
            query = select(outbox.c.body).where(outbox.c.stream == stream).order_by(outbox.c.position)
            return list((await connection.execute(query)).scalars())

    async def unsent(self) -> int:
        """How many facts the relay has not sent, or not marked."""
        async with self.service.database.begin_untenanted() as connection:
            query = select(func.count()).select_from(outbox).where(outbox.c.sent_batch.is_(None))
            return int(await connection.scalar(query) or 0)

    async def relay(self) -> None:
        """Send what is announced, and end."""
        async with self.relaying():
            await until(self._all_sent)

    async def _all_sent(self) -> bool:
        return await self.unsent() == 0

    @asynccontextmanager
    async def relaying(self, *, poll_s: float = 1.0) -> AsyncIterator[Signals]:
        """Run the signals and the relay."""
        signals = Signals(str(self.settings.database_url), service="toy")
        relay = Relay(self.service.database, self.service.bus.redis, signals, poll_s=poll_s)
        async with _side_by_side(signals.run(), relay.run()):
            await asyncio.wait_for(signals.until_leading(), 10)
            yield signals

    @asynccontextmanager
    async def running(self, *, grace_s: float = 0.2, poll_s: float = 1.0) -> AsyncIterator[asyncio.Event]:
        """Run the whole service in this process; ends it in good order, or earlier when the event is set."""
        stop = asyncio.Event()
        work = self.service.work
        assert work is not None
        async with self.relaying(poll_s=poll_s) as signals:
            bus = asyncio.create_task(self.service.bus.run(stop))
            workers = asyncio.create_task(work.run(stop, signals, grace_s=grace_s))
            try:
                await until(lambda: _now(self.service.bus.ailing() is None))
                yield stop
            finally:
                stop.set()
                await asyncio.gather(bus, workers)

    def environment(self, **more: str) -> dict[str, str]:
        """For a process of the toy service."""
        settings = self.settings
        root = Path(__file__).parents[1]
        return {
            **os.environ,
            "PYTHONPATH": str(root),
            "TOY_DATABASE_URL": str(settings.database_url),
            "TOY_REDIS_URL": str(settings.redis_url),
            "TOY_BLOBS_URL": settings.blobs_url,
            "TOY_HTTP_PORT": "0",
            "TOY_LEASE_S": str(settings.lease_s),
            "TOY_GRACE_S": "0.5",
            "TOY_LOG_FORMAT": "console",
            **more,
        }

    async def process(self, *arguments: str, **more: str) -> asyncio.subprocess.Process:
        """Start the toy service as a process of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "support.chassis_toy_main",
            *(arguments or ("serve",)),
            env=self.environment(**more),
            stdout=asyncio.subprocess.PIPE,
        )
        self.processes.append(process)
        return process


@asynccontextmanager
async def a_toy(
    postgres_url: str, redis_url: str, folder: Path, *, through: str | None = None, **settings: Any
) -> AsyncIterator[Toy]:
    """A toy service on a fresh database and an empty Redis; ``through``: by another address, a proxy's."""
    acting.clear()  # what handlers of the test before began
    redis = redis_client(redis_url)
    await redis.flushdb()
    database = await fresh_database("toy", postgres_url, versions=VERSIONS)
    known = Settings(
        database_url=service_url("toy", postgres_url, database),
        redis_url=through or redis_url,
        blobs_url=f"file://{folder}/blobs",
        http_port=0,
        **{"lease_s": 1.0, **settings},
    )
    service = build(known)
    toy = Toy(service, known, redis, postgres_url)
    try:
        yield toy
    finally:
        for process in toy.processes:
            if process.returncode is None:
                process.kill()
            await process.communicate()
        await redis.aclose()
        await service.close()
        await drop_database(postgres_url, database)


async def until(condition: Callable[[], Awaitable[Any]], *, timeout_s: float = 60) -> float:
    """Wait until the condition holds, however busy the machine is; returns the seconds it took."""
    started = time.monotonic()
    while not await condition():
        if time.monotonic() - started > timeout_s:
            raise AssertionError(f"did not happen within {timeout_s} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - started


async def _now(value: bool) -> bool:
    return value


@asynccontextmanager
async def _side_by_side(*coroutines: Any) -> AsyncIterator[None]:
    tasks_: Iterable[asyncio.Task[Any]] = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        await end(*tasks_)
