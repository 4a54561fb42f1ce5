"""Redis may lose everything, either server its connections, at any step: work is done once all the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chassis.run import Service
from chassis.work import Task
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, until
from support.chassis_toy import Noted, note
from support.cutting_proxy import CuttingProxy, cutting_proxy
from support.work_toy import all_ended, build, exists, in_state, put, replica

pytestmark = pytest.mark.servers


async def test_a_flushed_redis_delays_work_and_loses_none(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with replica(toy):
        await toy.enqueue("running", payload={"seconds": 2, "marks": str(marks)})
        await until(lambda: exists(marks), timeout_s=20)
        await put(toy, "waiting")

        await toy.redis.flushall()
        await until(lambda: all_ended(toy), timeout_s=20)

    assert marks.read_text().count("\n") == 1
    assert await toy.notes() == ["running: played at attempt 1", "waiting at attempt 1"]


async def test_a_lost_group_is_made_again_and_a_running_task_that_is_delivered_again_runs_once(
    toy: Toy, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    settings = toy.settings.model_copy(update={"workers": 2})
    async with replica(toy, settings=settings) as running:
        await toy.enqueue("running", payload={"seconds": 3, "marks": str(marks)})
        await until(lambda: exists(marks), timeout_s=20)

        await toy.redis.xgroup_destroy("work.toy", "toy")
        await until(lambda: delivered_again(toy))
        await put(toy, "waiting")
        await until(lambda: all_ended(toy), timeout_s=20)
        await until(lambda: stream_empty(toy), timeout_s=20)
        assert running.service.work is not None

    assert marks.read_text().count("\n") == 1
    assert sorted(await toy.notes()) == ["running: played at attempt 1", "waiting at attempt 1"]


async def delivered_again(toy: Toy) -> bool:
    groups = await toy.redis.xinfo_groups("work.toy")
    return any(group["name"] == b"toy" and group["pending"] == 1 for group in groups)


async def stream_empty(toy: Toy) -> bool:
    return bool(await toy.redis.xlen("work.toy") == 0)


async def test_entries_that_are_no_tasks_are_thrown_away_and_stop_nobody(toy: Toy) -> None:
    for fields in ({"hello": "world"}, {"task": "no uuid", "token": "1"}, {"task": "\xff", "token": "x"}):
        await toy.redis.xadd("work.toy", fields)
    await put(toy, "k")

    async with replica(toy):
        await until(lambda: all_ended(toy), timeout_s=20)
        await toy.redis.xadd("work.toy", {"token": "7"})
        await put(toy, "next")
        await until(lambda: all_ended(toy), timeout_s=20)
        await until(lambda: stream_empty(toy), timeout_s=20)

    assert await toy.notes() == ["k at attempt 1", "next at attempt 1"]


async def test_an_entry_lost_on_its_way_is_missed_and_sent_again(toy: Toy) -> None:
    await put(toy, "lost")
    async with toy.service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE tasks SET state = 'dispatched', token = 1, heartbeat_at = now()"))

    async with replica(toy):
        await until(lambda: all_ended(toy), timeout_s=20)

    assert await toy.notes() == ["lost at attempt 1"]


@pytest.mark.parametrize("arrived", [False, True], ids=["before the entry was sent", "after it was sent"])
async def test_a_dispatcher_that_dies_between_commit_and_send_loses_nothing_and_doubles_nothing(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    send = WorkStream.send
    deaths: list[int] = []

    async def dies(self: WorkStream, tasks: Any) -> None:
        if arrived:
            await send(self, tasks)
        if not deaths:
            deaths.append(1)
            raise ConnectionError("the dispatcher's last breath")
        if not arrived:
            await send(self, tasks)

    monkeypatch.setattr(WorkStream, "send", dies)
    for number in range(3):
        await put(toy, f"{number}")

    async with replica(toy):
        await until(lambda: all_ended(toy), timeout_s=20)

    assert deaths == [1]
    assert await toy.notes() == [f"{number} at attempt 1" for number in range(3)]


@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("step", [b"XADD", b"XREADGROUP", b"EVALSHA"])
async def test_a_connection_to_redis_that_is_cut_at_any_step_costs_no_task_and_doubles_none(
    far_toy: Toy, redis_proxy: CuttingProxy, step: bytes, lost: str
) -> None:
    async with replica(far_toy):
        await put(far_toy, "first")
        await until(lambda: all_ended(far_toy), timeout_s=20)
        cut = redis_proxy.lose_request if lost == "request" else redis_proxy.lose_answer
        cut(step, times=2)
        for number in range(3):
            await put(far_toy, f"{number}", seconds=0.4)
        await until(lambda: all_ended(far_toy), timeout_s=30)
        await until(lambda: both_cut(redis_proxy), timeout_s=20)

    expected = ["first", *(f"{number}" for number in range(3))]
    assert sorted(await far_toy.notes()) == sorted(f"{key} at attempt 1" for key in expected)


async def both_cut(proxy: CuttingProxy) -> bool:
    return not proxy.waits


async def test_redis_away_while_a_task_runs_and_ends_is_nothing_to_the_task(
    far_toy: Toy, redis_proxy: CuttingProxy
) -> None:
    async with replica(far_toy):
        await put(far_toy, "runs", seconds=2.5)
        await until(lambda: in_state(far_toy, "runs", "running"))
        redis_proxy.shut()
        await until(lambda: in_state(far_toy, "runs", "done"), timeout_s=20)
        redis_proxy.reopen()
        await put(far_toy, "next")
        await until(lambda: all_ended(far_toy), timeout_s=30)

    assert await far_toy.notes() == ["runs at attempt 1", "next at attempt 1"]


@pytest.fixture
async def postgres_proxy(postgres_url: str) -> AsyncIterator[CuttingProxy]:
    async with cutting_proxy(postgres_url) as proxy:
        yield proxy


@asynccontextmanager
async def far_service(toy: Toy, proxy: CuttingProxy) -> AsyncIterator[Service]:
    """The toy's service, reaching PostgreSQL through the proxy."""
    near = str(toy.settings.database_url)
    far = near.replace(near.rpartition("@")[2].partition("/")[0], proxy.url.rpartition("@")[2].partition("/")[0])
    service = build(toy.settings.model_copy(update={"database_url": far}))
    try:
        yield service
    finally:
        await service.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_claim_that_is_cut_off_burns_no_try(any_toy: Toy, postgres_proxy: CuttingProxy, lost: str) -> None:
    async with far_service(any_toy, postgres_proxy) as service, replica(any_toy, service=service):
        await put(any_toy, "first")
        await until(lambda: all_ended(any_toy), timeout_s=20)
        cut = postgres_proxy.lose_request if lost == "request" else postgres_proxy.lose_answer
        cut(service.bus.consumer.encode())  # an argument of the claim, and of nothing else
        await put(any_toy, "k")
        await until(lambda: all_ended(any_toy), timeout_s=20)

    assert postgres_proxy.cuts == 1
    assert await any_toy.notes() == ["first at attempt 1", "k at attempt 1"]


async def test_heartbeats_that_are_cut_off_for_less_than_a_lease_cost_nothing(
    any_toy: Toy, postgres_proxy: CuttingProxy
) -> None:
    async with far_service(any_toy, postgres_proxy) as service, replica(any_toy, service=service), replica(any_toy):
        await put(any_toy, "k", seconds=2.5)
        await until(lambda: in_state(any_toy, "k", "running"))
        for _ in range(4):
            postgres_proxy.shut()
            await asyncio.sleep(0.2)
            postgres_proxy.reopen()
            await asyncio.sleep(0.4)
        await until(lambda: all_ended(any_toy), timeout_s=20)

    assert await any_toy.notes() == ["k at attempt 1"]


Ending = Callable[[Task], Awaitable[None]]


async def done(task: Task) -> None:
    async with task.finish() as unit:
        await note(unit, f"done at attempt {task.attempt}")
        await unit.announce(Noted(note="x"), subject=task.subject)


async def run_once(toy: Toy, service: Service, handler: Ending, *, tries: int = 3) -> str:
    work = service.work
    assert work is not None
    work.does("ends", tries=tries)(handler)
    await put(toy, "k", kind="ends")
    async with service.database.begin_untenanted() as connection:
        claim = await work._store.claim_next(connection, "test")
    assert claim is not None
    return await work._execution(claim).run()


async def test_a_commit_whose_answer_is_lost_is_no_failure_and_is_not_done_again(
    any_toy: Toy, postgres_proxy: CuttingProxy
) -> None:
    after: list[str] = []

    async def ends(task: Task) -> None:
        postgres_proxy.lose_answer(b"COMMIT;")
        await done(task)
        after.append("the handler heard nothing of it")

    async with far_service(any_toy, postgres_proxy) as service:
        outcome = await run_once(any_toy, service, ends)

    assert postgres_proxy.cuts == 1
    assert outcome == "done"
    assert after == ["the handler heard nothing of it"]
    assert await any_toy.notes() == ["done at attempt 1"]
    assert len(await any_toy.announced(Noted.stream)) == 1


async def test_a_commit_that_never_arrived_is_not_taken_for_one(any_toy: Toy, postgres_proxy: CuttingProxy) -> None:
    async def ends(task: Task) -> None:
        postgres_proxy.lose_request(b"COMMIT;")
        await done(task)

    async with far_service(any_toy, postgres_proxy) as service:
        outcome = await run_once(any_toy, service, ends)

    row = await any_toy.task("k")
    assert outcome == "retried"
    assert (row.state, row.attempt) == ("queued", 0)
    assert await any_toy.notes() == []


async def test_what_was_made_waits_for_postgresql_and_is_not_made_again(
    any_toy: Toy, postgres_proxy: CuttingProxy
) -> None:
    async def ends(task: Task) -> None:
        postgres_proxy.shut()
        asyncio.get_running_loop().call_later(2.5, postgres_proxy.reopen)  # more than two leases
        await done(task)

    async with far_service(any_toy, postgres_proxy) as service:
        outcome = await run_once(any_toy, service, ends)

    assert outcome == "done"
    assert await any_toy.notes() == ["done at attempt 1"]


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_failure_is_announced_once_wherever_its_commit_is_cut_off(
    any_toy: Toy, postgres_proxy: CuttingProxy, lost: str
) -> None:
    async def ends(_: Task) -> None:
        cut = postgres_proxy.lose_request if lost == "request" else postgres_proxy.lose_answer
        cut(b"COMMIT;")
        raise RuntimeError("no")

    async with far_service(any_toy, postgres_proxy) as service:
        outcome = await run_once(any_toy, service, ends, tries=1)

    assert outcome == "failed"
    assert (await any_toy.task("k")).state == "failed"
    assert len(await any_toy.announced("step.failed.v1")) == 1


async def test_a_retry_is_put_back_once_postgresql_is_there_again(any_toy: Toy, postgres_proxy: CuttingProxy) -> None:
    async def ends(_: Task) -> None:
        postgres_proxy.shut()
        asyncio.get_running_loop().call_later(1.0, postgres_proxy.reopen)
        raise RuntimeError("slipped")

    async with far_service(any_toy, postgres_proxy) as service:
        outcome = await run_once(any_toy, service, ends)

    row = await any_toy.task("k")
    assert outcome == "retried"
    assert (row.state, row.attempt) == ("queued", 1)


async def test_a_child_killed_for_memory_is_retried(toy: Toy) -> None:
    await toy.enqueue("oom", payload={"dies": 1})

    async with replica(toy):
        await until(lambda: all_ended(toy), timeout_s=20)

    assert await toy.notes() == ["oom: played at attempt 2"]
