"""Who is silent for a lease loses the task; who lives keeps it, however long it takes and whatever server hangs."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from matchcut.servers.postgres import Postgres
from support.chassis_running import Toy, a_toy, until
from support.cutting_proxy import CuttingProxy
from support.redis_variants import Server
from support.work_toy import all_ended, build, exists, gone, in_state, process, put, replica, states

pytestmark = pytest.mark.servers


async def test_a_killed_worker_leaves_no_child_and_another_resumes_its_task(any_toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    await any_toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
    first = await process(any_toy)
    await until(lambda: exists(marks), timeout_s=30)
    child_pid = int(marks.read_text().split()[1])

    first.kill()
    await until(lambda: gone(child_pid))
    async with replica(any_toy):
        await until(lambda: in_state(any_toy, "long", "done"), timeout_s=20)

    assert await any_toy.notes() == ["long: played at attempt 2"]


async def test_work_that_takes_many_leases_is_done_once(toy: Toy) -> None:
    await put(toy, "long", seconds=3.5)

    async with replica(toy), replica(toy):
        await until(lambda: all_ended(toy), timeout_s=20)

    assert await toy.notes() == ["long at attempt 1"]


async def test_a_worker_with_a_blocked_event_loop_loses_its_task_and_cannot_end_it(
    any_toy: Toy, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    await put(any_toy, "blocks", kind="block", seconds=8, mark=str(mark))
    blocked = await process(any_toy)
    await until(lambda: exists(mark), timeout_s=30)

    async with replica(any_toy, silent_s=2):
        await until(lambda: in_state(any_toy, "blocks", "done"), timeout_s=30)
        blocked.terminate()
        await blocked.wait()

    assert await any_toy.notes() == ["blocks at attempt 2"]


async def test_a_frozen_leader_is_deposed_and_does_no_harm_when_it_wakes(any_toy: Toy) -> None:
    await put(any_toy, "first", seconds=2)
    frozen = await process(any_toy)
    await until(lambda: in_state(any_toy, "first", "running"), timeout_s=30)

    async with replica(any_toy, silent_s=2) as other:
        frozen.send_signal(signal.SIGSTOP)
        for number in range(4):
            await put(any_toy, f"later {number}")
        await until(lambda: all_ended(any_toy), timeout_s=30)
        led = other.signals.leads
        frozen.send_signal(signal.SIGCONT)
        for number in range(4):
            await put(any_toy, f"last {number}")
        await until(lambda: all_ended(any_toy), timeout_s=30)
        frozen.terminate()
        await frozen.wait()

    assert led
    keys = ["first", *(f"later {n}" for n in range(4)), *(f"last {n}" for n in range(4))]
    assert sorted(note.partition(" at ")[0] for note in await any_toy.notes()) == sorted(keys)
    assert "first at attempt 2" in await any_toy.notes()


async def test_when_the_leader_is_killed_the_other_replica_leads(any_toy: Toy) -> None:
    leader = await process(any_toy)
    await put(any_toy, "before")
    await until(lambda: in_state(any_toy, "before", "done"), timeout_s=30)

    async with replica(any_toy, silent_s=600) as other:
        leader.kill()
        await put(any_toy, "after")
        await until(lambda: in_state(any_toy, "after", "done"), timeout_s=20)
        led = other.signals.leads

    assert led


async def test_poison_that_kills_its_process_is_given_up_and_its_failure_is_announced(any_toy: Toy) -> None:
    await put(any_toy, "poison", kind="kill")

    deaths = 0
    while (await states(any_toy))["poison"] != "failed" and deaths < 5:
        victim = await process(any_toy)
        died = asyncio.create_task(victim.wait())
        ended = asyncio.create_task(until(lambda: in_state(any_toy, "poison", "failed"), timeout_s=60))
        await asyncio.wait([died, ended], return_when=asyncio.FIRST_COMPLETED)
        deaths += died.done()
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)

    row = await any_toy.task("poison")
    assert deaths == 2
    assert (row.reason, row.state) == ("worker_lost", "failed")
    assert len(await any_toy.announced("step.failed.v1")) == 1


async def test_an_entry_that_was_taken_and_never_claimed_goes_to_another_and_the_taker_comes_too_late(
    toy: Toy,
) -> None:
    work = toy.service.work
    assert work is not None
    ghost = WorkStream(toy.redis, service="toy", consumer="ghost")
    await ghost.ensure()
    await ghost.register(1)
    fetching = asyncio.create_task(ghost.read(20_000))
    await asyncio.sleep(0.1)
    await put(toy, "k")

    async with replica(toy, silent_s=600):
        taken = await fetching
        await until(lambda: in_state(toy, "k", "done"), timeout_s=20)
    async with toy.service.database.begin_untenanted() as connection:
        assert taken is not None
        claim = await work._store.claim(connection, taken.task_id, taken.token, "ghost")

    assert claim is None
    assert await toy.notes() == ["k at attempt 1"]


async def test_an_entry_whose_reply_was_lost_on_the_way_to_a_live_worker_is_done_all_the_same(
    far_toy: Toy, redis_proxy: CuttingProxy
) -> None:
    async with replica(far_toy):
        redis_proxy.lose_push(b"$4\r\ntask\r\n")
        await put(far_toy, "k")
        await until(lambda: all_ended(far_toy), timeout_s=20)

    assert redis_proxy.cuts == 1
    assert await far_toy.notes() == ["k at attempt 1"]


async def test_a_frozen_redis_costs_no_running_task_its_lease(toy: Toy, server: Server) -> None:
    await put(toy, "long", seconds=3.5)
    assert server.pid is not None

    async with replica(toy):
        await until(lambda: in_state(toy, "long", "running"))
        psutil.Process(server.pid).suspend()
        try:
            await until(lambda: in_state(toy, "long", "done"), timeout_s=20)
        finally:
            psutil.Process(server.pid).resume()

    assert await toy.notes() == ["long at attempt 1"]


@asynccontextmanager
async def a_toy_on(own_postgres: Postgres, redis_url: str, folder: Path) -> AsyncIterator[Toy]:
    async with a_toy(own_postgres.url, redis_url, folder) as toy:
        yield toy


@asynccontextmanager
async def frozen(postgres: Postgres) -> AsyncIterator[None]:
    assert postgres.pid is not None
    postmaster = psutil.Process(postgres.pid)
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for each in stopped:
        each.suspend()
    try:
        yield
    finally:
        for each in stopped:
            each.resume()


async def test_a_frozen_postgresql_costs_no_running_task_its_lease(
    own_postgres: Postgres, toy_redis_url: str, tmp_path: Path
) -> None:
    async with a_toy_on(own_postgres, toy_redis_url, tmp_path) as toy, replica(toy), replica(toy):
        await put(toy, "long", seconds=6)
        await until(lambda: in_state(toy, "long", "running"))
        async with frozen(own_postgres):
            await asyncio.sleep(3)
        await until(lambda: all_ended(toy), timeout_s=30)

        assert await toy.notes() == ["long at attempt 1"]


async def test_work_that_ends_while_postgresql_is_down_is_not_done_again(
    own_postgres: Postgres, toy_redis_url: str, tmp_path: Path
) -> None:
    async with a_toy_on(own_postgres, toy_redis_url, tmp_path) as toy, replica(toy) as running:
        await put(toy, "long", seconds=1.5)
        await until(lambda: in_state(toy, "long", "running"))
        await asyncio.to_thread(own_postgres.stop)
        await asyncio.sleep(2.5)
        await asyncio.to_thread(own_postgres.start, port=own_postgres.port)
        await until(lambda: all_ended(toy), timeout_s=30)
        await put(toy, "next")
        await until(lambda: all_ended(toy), timeout_s=30)

        assert await toy.notes() == ["long at attempt 1", "next at attempt 1"]
        assert not running.stop.is_set()


async def test_a_replica_starts_while_postgresql_is_down_and_works_when_it_is_back(
    own_postgres: Postgres, toy_redis_url: str, tmp_path: Path
) -> None:
    async with a_toy_on(own_postgres, toy_redis_url, tmp_path) as toy:
        await put(toy, "k")
        await asyncio.to_thread(own_postgres.stop)
        async with replica(toy):
            await asyncio.sleep(1)
            await asyncio.to_thread(own_postgres.start, port=own_postgres.port)
            await until(lambda: all_ended(toy), timeout_s=30)

        assert await toy.notes() == ["k at attempt 1"]


async def test_after_a_crash_of_postgresql_a_new_leader_gives_everybody_a_lease_of_time(
    own_postgres: Postgres, toy_redis_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(own_postgres.stop)
    await asyncio.to_thread(own_postgres.start, port=own_postgres.port)
    async with a_toy_on(own_postgres, toy_redis_url, tmp_path) as toy:
        await put(toy, "k")
        async with toy.service.database.begin_untenanted() as connection:
            await connection.exec_driver_sql(
                "UPDATE tasks SET state = 'running', heartbeat_at = now() - interval '1 day'"
            )
            (long,) = await TaskStore("toy", lease_s=3600).in_flight(connection)
            (short,) = await TaskStore("toy", lease_s=0.001).in_flight(connection)

    assert (long.silent, short.silent) == (False, True)


async def test_a_dead_worker_is_noticed_even_right_after_the_leader_changed(toy: Toy) -> None:
    await put(toy, "k")
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql(
            "UPDATE tasks SET state = 'running', token = 2, attempt = 1, heartbeat_at = now() - interval '1 day'"
        )

    async with replica(toy):
        await until(lambda: in_state(toy, "k", "done"), timeout_s=20)

    assert await toy.notes() == ["k at attempt 2"]


async def test_a_heartbeat_that_hangs_is_given_up_and_the_next_one_gets_through(
    any_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[int] = []
    beat = TaskStore.beat
    work = any_toy.service.work
    assert work is not None
    work.lease_s = 0.6

    async def hangs_once(self: TaskStore, *args: Any) -> str:
        beats.append(1)
        if len(beats) == 1:
            await asyncio.Event().wait()
        return await beat(self, *args)

    async def waits(_: object) -> None:
        await until(lambda: at_least(beats, 3), timeout_s=20)

    monkeypatch.setattr(TaskStore, "beat", hangs_once)
    work.does("waits")(waits)
    await put(any_toy, "k", kind="waits")
    async with any_toy.service.database.begin_untenanted() as connection:
        claim = await work._store.claim_next(connection, "test")
    assert claim is not None

    assert await work._execution(claim).run() == "done"


async def at_least(of: list[int], count: int) -> bool:
    return len(of) >= count


async def test_a_task_whose_row_its_worker_is_writing_to_is_not_taken_from_it(any_toy: Toy) -> None:
    store, database = TaskStore("toy", lease_s=1), any_toy.service.database
    await put(any_toy, "k")
    async with database.begin_untenanted() as connection:
        claim = await store.claim_next(connection, "test")
    assert claim is not None

    async with database.begin_untenanted() as writing, database.begin_untenanted() as looking, asyncio.timeout(20):
        await store.beat(writing, claim.id, claim.token)
        requeued = await store.requeue(looking, [(claim.id, claim.token)])

    assert requeued == 0


@pytest.mark.parametrize("jump_s", [36_000, -36_000], ids=["ahead", "back"])
async def test_a_clock_that_jumps_by_hours_costs_nobody_a_lease_and_saves_nobody_who_is_dead(
    any_toy: Toy, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    settings = any_toy.settings.model_copy(update={"workers": 2, "lease_s": 2.0})
    true_time, true_time_ns = time.time, time.time_ns
    async with replica(any_toy, settings=settings):
        await put(any_toy, "lives", seconds=4.5)
        await until(lambda: in_state(any_toy, "lives", "running"))
        monkeypatch.setattr(time, "time", lambda: true_time() + jump_s)
        monkeypatch.setattr(time, "time_ns", lambda: true_time_ns() + int(jump_s * 1e9))
        async with any_toy.service.database.begin_untenanted() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO tasks (id, tenant_id, key, step, kind, subject, payload, priority, state, token,"
                " attempt, heartbeat_at) SELECT gen_random_uuid(), tenant_id, 'dead', step, kind, subject,"
                " '{\"run\": 1}', priority, 'running', 2, 1, now() - interval '1 minute' FROM tasks"
            )
        await until(lambda: all_ended(any_toy), timeout_s=30)

    assert sorted(await any_toy.notes()) == ["dead at attempt 2", "lives at attempt 1"]


async def test_a_task_that_comes_again_while_its_first_run_is_being_stopped_runs_beside_it(any_toy: Toy) -> None:
    settings = any_toy.settings.model_copy(update={"workers": 2})
    service = build(settings)
    work = service.work
    assert work is not None
    first, let_go = asyncio.Event(), asyncio.Event()

    @work.does("stubborn")
    async def stubborn(task: object) -> None:
        if not first.is_set():
            first.set()
            try:
                await asyncio.sleep(60)
            finally:
                await let_go.wait()  # takes its time to stop

    await put(any_toy, "k", kind="stubborn")
    async with replica(any_toy, service=service):
        await asyncio.wait_for(first.wait(), 10)
        async with any_toy.service.database.begin_untenanted() as connection:
            await connection.exec_driver_sql("UPDATE tasks SET state = 'queued', token = token + 1")
        await until(lambda: in_state(any_toy, "k", "done"), timeout_s=20)
        await until(lambda: as_many(work._running, 1), timeout_s=20)  # the first run is still there
        let_go.set()
        await until(lambda: as_many(work._running, 0), timeout_s=20)
    await service.close()

    assert (await any_toy.task("k")).state == "done"


async def as_many(of: Any, count: int) -> bool:
    return len(of) == count
