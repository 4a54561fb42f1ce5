"""Work that is to stop: cancelled tasks, and processes that end."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import chassis.work._dispatcher
from chassis._endings import end
from chassis.database._signals import Signals
from chassis.work import Task
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, a_toy, until
from support.chassis_toy import OTHER_TENANT, TENANT
from support.redis_variants import Server
from support.work_toy import (
    SUBJECT,
    a_dispatcher,
    alive,
    all_ended,
    exists,
    gone,
    in_state,
    process,
    put,
    replica,
    states,
)

pytestmark = pytest.mark.servers


async def test_a_cancelled_task_is_stopped_by_the_news_of_it_with_all_it_started(
    postgres_url: str, server: Server, tmp_path: Path
) -> None:
    helper, marks, job = tmp_path / "helper", tmp_path / "marks", uuid4()
    # The next heartbeat would come in 13 minutes.
    async with a_toy(postgres_url, server.database(5), tmp_path, lease_s=2400.0) as toy:
        payload = {"seconds": 60, "helper": str(helper), "marks": str(marks)}
        await toy.enqueue("long", payload=payload, job_id=job)
        async with replica(toy):
            await until(lambda: exists(helper), timeout_s=20)
            child_pid, helper_pid = int(marks.read_text().split()[1]), int(helper.read_text())

            async with toy.service.database.begin(TENANT) as work:
                count = len(await work.cancel_tasks(job_id=job))
            await until(lambda: gone(child_pid), timeout_s=20)
            await until(lambda: gone(helper_pid), timeout_s=20)

        assert count == 1
        assert (await toy.task("long")).state == "cancelled"
        assert await toy.notes() == []


async def test_a_cancelled_task_is_stopped_by_its_next_heartbeat_if_the_news_is_lost(toy: Toy) -> None:
    await put(toy, "long", seconds=60)

    async with replica(toy) as running:
        await until(lambda: in_state(toy, "long", "running"))
        async with toy.service.database.begin_untenanted() as connection:  # as cancel_tasks does, but nobody is told
            await connection.execute(text("UPDATE tasks SET state = 'cancelled'"))
        assert running.service.work is not None
        await until(lambda: nothing_runs(running.service.work), timeout_s=20)

    assert (await toy.task("long")).state == "cancelled"
    assert await toy.notes() == []


async def test_the_first_heartbeat_after_a_task_was_cancelled_stops_it(
    any_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []
    beat = TaskStore.beat

    async def counted(self: TaskStore, connection: AsyncConnection, id_: UUID, token: int) -> str:
        beats.append(await beat(self, connection, id_, token))
        return beats[-1]

    monkeypatch.setattr(TaskStore, "beat", counted)
    work = any_toy.service.work
    assert work is not None
    work.lease_s = 0.3
    work.does("sleeps")(lambda _: asyncio.sleep(600))
    await put(any_toy, "k", kind="sleeps")
    async with any_toy.service.database.begin_untenanted() as connection:
        claim = await work._store.claim_next(connection, "test")
    assert claim is not None
    running = asyncio.create_task(work._execution(claim).run())
    await until(lambda: as_many(beats, 3))

    async with any_toy.service.database.begin_untenanted() as connection:  # nobody is told
        await connection.execute(text("UPDATE tasks SET state = 'cancelled'"))
    outcome = await asyncio.wait_for(running, 20)

    assert outcome == "cancelled"
    assert set(beats[:-1]) == {"running"}
    assert beats[-1] == "cancelled"


async def as_many(of: list[str], count: int) -> bool:
    return len(of) >= count


async def test_a_cancelled_task_makes_room_for_the_next_because_it_was_cancelled(
    postgres_url: str, toy_redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.work._dispatcher, "_POLL_S", 600.0)
    job = uuid4()
    async with a_toy(postgres_url, toy_redis_url, tmp_path, lease_s=2400.0) as toy:
        await put(toy, "long", seconds=600, job_id=job)
        await put(toy, "next")
        async with replica(toy, silent_s=600):
            await until(lambda: in_state(toy, "long", "running"))
            await asyncio.sleep(1)  # whatever woke the dispatcher at the start has done so
            async with toy.service.database.begin(TENANT) as unit:
                await unit.cancel_tasks(job_id=job)
            await until(lambda: all_ended(toy), timeout_s=30)

        assert await states(toy) == {"long": "cancelled", "next": "done"}


async def nothing_runs(work: object) -> bool:
    return not getattr(work, "_running")  # noqa: B009


async def test_a_cancelled_queued_task_never_starts(toy: Toy) -> None:
    await put(toy, "never")
    async with toy.service.database.begin(TENANT) as work:
        count = len(await work.cancel_tasks(subject=SUBJECT))

    async with replica(toy):
        await put(toy, "after")
        await until(lambda: all_ended(toy))

    assert count == 1
    assert await toy.notes() == ["after at attempt 1"]


async def test_a_task_that_is_cancelled_on_its_way_to_a_worker_never_starts_and_leaves_no_entry(toy: Toy) -> None:
    ghost = WorkStream(toy.redis, service="toy", consumer="ghost")
    await put(toy, "running", seconds=1.5)

    async with replica(toy):
        await until(lambda: in_state(toy, "running", "running"))
        await ghost.register(1)  # it never reads: what is meant for it stays on the stream
        await put(toy, "on its way")
        await until(lambda: in_state(toy, "on its way", "dispatched"))
        async with toy.service.database.begin(TENANT) as work:
            await work.cancel_tasks(subject=SUBJECT)
        await put(toy, "after")
        await until(lambda: all_ended(toy), timeout_s=20)
        await until(lambda: no_entries(toy), timeout_s=20)

    assert await toy.notes() == ["after at attempt 1"]


async def no_entries(toy: Toy) -> bool:
    return bool(await toy.redis.xlen("work.toy") == 0)


async def test_one_tenant_cannot_cancel_anothers_task(any_toy: Toy) -> None:
    await put(any_toy, "ours")

    async with any_toy.service.database.begin(OTHER_TENANT) as work:
        count = len(await work.cancel_tasks(subject=SUBJECT))

    assert count == 0
    assert await states(any_toy) == {"ours": "queued"}


async def test_cancelling_many_tasks_tells_only_those_who_do_one_of_them(any_toy: Toy) -> None:
    heard: list[str] = []
    async with replica(any_toy) as running:
        running.signals.on("cancelled", heard.append)
        await put(any_toy, "runs", seconds=60)
        await until(lambda: in_state(any_toy, "runs", "running"))
        async with any_toy.service.database.begin(TENANT) as unit:
            for number in range(500):
                await unit.enqueue(step="s", kind="note", key=f"{number}", subject=SUBJECT, payload={"run": 1})

        async with any_toy.service.database.begin(TENANT) as unit:
            count = len(await unit.cancel_tasks(subject=SUBJECT))
        await until(lambda: all_ended(any_toy))
        await until(lambda: nothing_runs(running.service.work), timeout_s=20)

    assert count == 501
    assert len(heard) == 1


async def test_two_who_cancel_the_same_tasks_wait_for_each_other_in_one_order(any_toy: Toy) -> None:
    """Else each holds a task that the other wants, and PostgreSQL ends one of them."""
    database = any_toy.service.database
    for number in range(3):
        await put(any_toy, f"{number}")
    async with database.begin(TENANT) as unit:  # the oldest is now the last that a scan comes to
        await unit.connection.execute(text("UPDATE tasks SET priority = 2 WHERE key = '0'"))

    async with database.begin(TENANT) as first:
        await first.connection.execute(text("SELECT 1 FROM tasks WHERE key = '0' FOR UPDATE"))
        cancelling = asyncio.create_task(cancel_all(any_toy))
        await until(lambda: somebody_waits(any_toy))
        async with database.begin(TENANT) as other:
            free = await other.connection.execute(text("SELECT key FROM tasks ORDER BY key FOR UPDATE SKIP LOCKED"))
            keys = list(free.scalars())
    cancelled = await cancelling

    assert keys == ["1", "2"]
    assert cancelled == 3


async def cancel_all(toy: Toy) -> int:
    async with toy.service.database.begin(TENANT) as unit:
        return len(await unit.cancel_tasks(subject=SUBJECT))


async def somebody_waits(toy: Toy) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with toy.service.database.begin_untenanted() as connection:
        return bool(await connection.scalar(text(query)))


async def test_a_key_is_known_for_ever_and_only_to_its_tenant(any_toy: Toy) -> None:
    async with any_toy.service.database.begin(TENANT) as work:
        first = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})
        again = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})
    async with any_toy.service.database.begin(OTHER_TENANT) as work:
        elsewhere = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})

    assert (first, again, elsewhere) == (True, False, True)


async def test_a_stopped_service_hands_its_task_back_and_burns_no_try(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with replica(toy, grace_s=0.1):
        await toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
        await until(lambda: exists(marks), timeout_s=20)

    row = await toy.task("long")
    assert (row.state, row.attempt, row.not_before) == ("queued", 0, None)
    assert not alive(int(marks.read_text().split()[1]))


async def test_what_a_stopping_replica_hands_back_another_begins_at_once(
    postgres_url: str, server: Server, tmp_path: Path
) -> None:
    # A lease of 40 minutes: were the task not handed back, nobody would do it in time.
    async with a_toy(postgres_url, server.database(5), tmp_path, lease_s=2400.0) as toy:
        async with replica(toy, grace_s=0.1):
            await put(toy, "long", seconds=600)
            await until(lambda: in_state(toy, "long", "running"))

        async with toy.service.database.begin_untenanted() as connection:
            await connection.execute(text("UPDATE tasks SET payload = '{\"run\": 1}'"))
        async with replica(toy):
            await until(lambda: all_ended(toy), timeout_s=30)

        assert await toy.notes() == ["long at attempt 1"]


async def test_what_arrives_while_a_replica_stops_goes_back_at_once_and_others_are_told(any_toy: Toy) -> None:
    work, told, stop = any_toy.service.work, asyncio.Event(), asyncio.Event()
    assert work is not None
    stream = WorkStream(any_toy.redis, service="toy", consumer=work.bus.consumer)
    await put(any_toy, "k")
    await stream.register(1)
    dispatcher, signals = a_dispatcher(any_toy), Signals(str(any_toy.settings.database_url), service="toy")
    await stream.ensure()
    await dispatcher.dispatch()
    parcel = await stream.read(1000)
    assert parcel is not None
    listening = asyncio.create_task(signals.run())
    await signals.until_leading()
    signals.on("tasks", lambda _: told.set())

    stop.set()
    await work._take(parcel, work._lanes[0], stream, stop)
    await asyncio.wait_for(told.wait(), 20)
    await end(listening)

    row = await any_toy.task("k")
    assert (row.state, row.attempt, row.not_before) == ("queued", 0, None)
    assert await any_toy.redis.xlen("work.toy") == 0


async def test_a_replica_that_stopped_is_counted_on_no_longer_and_leaves_no_name(any_toy: Toy) -> None:
    stream = WorkStream(any_toy.redis, service="toy", consumer="test")
    async with replica(any_toy):
        await put(any_toy, "k")
        await until(lambda: all_ended(any_toy))
        before = await stream.live_slots(60)

    assert (before, await stream.live_slots(60)) == (1, 0)
    assert await any_toy.redis.xinfo_consumers("work.toy", "toy") == []


async def test_a_stop_within_the_grace_period_lets_work_end(toy: Toy) -> None:
    async with replica(toy, grace_s=30):
        await put(toy, "short", seconds=1)
        await until(lambda: in_state(toy, "short", "running"))

    assert await toy.notes() == ["short at attempt 1"]


async def test_a_stop_while_postgresql_cannot_be_reached_is_not_held_up(any_toy: Toy) -> None:
    work = any_toy.service.work
    assert work is not None
    started = asyncio.Event()

    @work.does("sleeps")
    async def sleeps(_: Task) -> None:
        started.set()
        await asyncio.sleep(600)

    await put(any_toy, "k", kind="sleeps")
    async with any_toy.service.database.begin_untenanted() as connection:
        claim = await work._store.claim_next(connection, "test")
    assert claim is not None
    running = asyncio.create_task(work._execution(claim).run())
    await started.wait()
    async with any_toy.service.database.begin_untenanted() as connection:
        await connection.execute(text("SELECT FROM tasks FOR UPDATE"))  # whoever wants to write waits for us
        while not running.done():
            running.cancel()
            await asyncio.wait([running], timeout=0.5)

    assert running.result() == "lost"
    assert (await any_toy.task("k")).state == "running"


async def test_a_service_process_stops_in_good_order_and_says_so(any_toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    await any_toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
    service = await process(any_toy)
    await until(lambda: exists(marks), timeout_s=60)

    service.send_signal(signal.SIGTERM)
    code = await service.wait()

    row = await any_toy.task("long")
    assert code == 0
    assert (row.state, row.attempt) == ("queued", 0)
    assert not alive(int(marks.read_text().split()[1]))
