"""Our side of ``bench/bus.py``, as programs: a service that hears facts and does tasks, and one that announces.

    python -m bench.bus_service facts|tasks|dispatch|announce|enqueue REDIS_URL DATABASE_URL COUNT GAP_S

The handler writes one row; its inbox row is in the same commit. They say what the peers' programs say.
"""

import asyncio
import sys
import time
from typing import ClassVar
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import text as sql

from bench.peers.saying import Tally, say, text
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.database._signals import Signals
from chassis.outbox import Relay
from chassis.telemetry.metrics import FACTS_HANDLED, TASKS_ENDED
from chassis.work import Task, Workbench
from chassis.work._dispatcher import Dispatcher
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from contracts import Event, Fact
from support.chassis_toy import TENANT, note

SHARED_COMMIT = 20
"""Facts announced in one commit when there are many, as a service does that announces a chunk's results."""
_UNSYNCED = sql("SET LOCAL synchronous_commit = off")
_DONE = sql("UPDATE tasks SET state = 'done', changed_at = now() WHERE state = 'dispatched'")
TENANTS = [UUID(int=TENANT.int + number) for number in range(50)]


class Sent(Fact):
    """A fact with its number, and the time at which its commit began."""

    stream: ClassVar[str] = "bench.sent.v1"

    number: int
    sent_at: float
    text: str


async def hear(bus: Bus, database: Database, tally: Tally) -> None:
    """Hear facts; the relay runs in the same process, as in every service."""

    @bus.on(Sent)
    async def on_sent(event: Event[Sent], unit: UnitOfWork) -> None:
        starts[event.data.number] = started = time.time()
        await note(unit, "heard")
        tally.waits_ms.append((started - event.data.sent_at) * 1000)

    starts: dict[int, float] = {}

    signals = Signals(database.url, service="toy")
    parts = [signals.run(), Relay(database, bus.redis, signals).run(), bus.run(asyncio.Event())]
    running = [asyncio.create_task(part) for part in parts]
    await signals.until_leading()
    while bus.ailing() is not None:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.01)
    tally.ready()
    await until_done(FACTS_HANDLED, tally, starts=starts)
    for part in running:
        part.cancel()


async def work(bus: Bus, database: Database, tally: Tally) -> None:
    """Do tasks: eight at once, dispatched fairly among fifty tenants."""
    bench = Workbench(bus, database, workers=8)

    @bench.does("note")
    async def do_note(task: Task) -> None:
        async with task.finish() as unit:
            await note(unit, "done")

    signals = Signals(database.url, service="toy")
    running = [asyncio.create_task(part) for part in (signals.run(), bench.run(asyncio.Event(), signals))]
    await signals.until_leading()
    tally.ready()
    await until_done(TASKS_ENDED, tally)
    for part in running:
        part.cancel()


async def dispatch(bus: Bus, database: Database, tally: Tally, slots: int) -> None:
    """Dispatch tasks in rounds of ``slots``; what a round sent is marked done before the next, by one statement."""
    stream = WorkStream(bus.redis, service="toy", consumer="bench")
    signals = Signals(database.url, service="toy")
    store = TaskStore("toy", lease_s=30.0)
    leader = Dispatcher(database, store, stream, signals, lease_s=30.0, tenant_cap=None, backlog=1, keep_days=30)
    await stream.ensure()
    sent = 0
    tally.ready()
    while sent < tally.count:
        await stream.register(slots)
        sent += (await leader.dispatch())[0]
        async with database.begin_untenanted() as connection:
            await connection.execute(_UNSYNCED)
            await connection.execute(_DONE)
    say({"last": time.time(), "sent": sent})


async def until_done(counter: Counter, tally: Tally, **more: object) -> None:
    """Wait until so many effects are committed: that is when the last message counts as handled."""
    while sum(sample.value for metric in counter.collect() for sample in metric.samples[::2]) < tally.count:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    say({"last": time.time(), "waits_ms": tally.waits_ms, **more})


async def announce(database: Database, count: int, gap_s: float) -> None:
    """Announce so many facts: one a commit with a gap between them, else several a commit."""
    words, first = text(), time.time()
    commits: list[float] = []
    while len(commits) < count:
        several = 1 if gap_s else min(count - len(commits), SHARED_COMMIT)
        async with database.begin(TENANT) as unit:
            for number in range(len(commits), len(commits) + several):
                await unit.announce(Sent(number=number, sent_at=time.time(), text=words), subject="bench")
        commits += [time.time()] * several
        await asyncio.sleep(gap_s)
    say({"first": first, "commits": commits})


async def enqueue(database: Database, count: int) -> None:
    """Queue so many tasks, of fifty tenants in turn."""
    first = time.time()
    for number, tenant in enumerate(TENANTS):
        async with database.begin(tenant) as unit:
            for task in range(number, count, len(TENANTS)):
                await unit.enqueue(step="x", kind="note", key=f"{first}/{task}", subject="bench", payload={"run": 1})
    say({"first": first})


async def main(role: str, redis_url: str, database_url: str, count: int, gap_s: float) -> None:
    """Do one of the five."""
    database = Database(database_url, service="toy")
    bus = Bus("toy", redis_url, database)
    try:
        match role:
            case "facts":
                await hear(bus, database, Tally(count))
            case "tasks":
                await work(bus, database, Tally(count))
            case "dispatch":
                await dispatch(bus, database, Tally(count), slots=int(gap_s))
            case "announce":
                await announce(database, count, gap_s)
            case "enqueue":
                await enqueue(database, count)
            case _:
                raise ValueError(f"facts, tasks, dispatch, announce or enqueue, not {role}")
    finally:
        await bus.close()
        await database.close()


if __name__ == "__main__":
    _, role, redis_url, database_url, count, gap_s = sys.argv
    asyncio.run(main(role, redis_url, database_url, int(count), float(gap_s)))
