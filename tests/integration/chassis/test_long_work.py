"""Promises of the workbench, on real servers and with real child processes."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chassis.work import LeaseLost, Task
from contracts import Event
from contracts.steps import StepFailed
from support.chassis_running import Toy, until
from support.chassis_toy import OTHER_TENANT, TENANT, Noted, note

pytestmark = pytest.mark.servers


async def in_state(toy: Toy, key: str, *states: str) -> bool:
    return (await toy.task(key)).state in states


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def exists(path: Path) -> bool:
    return await asyncio.to_thread(lambda: path.exists() and bool(path.read_text()))


async def gone(pid: int) -> bool:
    return not alive(pid)


async def test_a_task_starts_within_milliseconds_and_its_effects_are_one_commit(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("first")
        await until(lambda: in_state(toy, "first", "done"))

        await toy.enqueue("second")
        seconds = await until(lambda: in_state(toy, "second", "dispatched", "running", "done"))
        await until(lambda: in_state(toy, "second", "done"))

    assert seconds < 0.5
    assert await toy.notes() == ["first: played at attempt 1", "second: played at attempt 1"]
    assert len(await toy.announced(Noted.stream)) == 2


async def test_a_key_is_known_for_ever_and_only_to_its_tenant(toy: Toy) -> None:
    async with toy.service.database.begin(TENANT) as work:
        first = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})
        again = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})
    async with toy.service.database.begin(OTHER_TENANT) as work:
        elsewhere = await work.enqueue(step="s", kind="act", key="k", subject="x", payload={"run": 1})

    assert (first, again, elsewhere) == (True, False, True)


async def test_a_failing_task_is_retried_and_then_announced_as_failed(toy: Toy) -> None:
    job = uuid4()
    async with toy.running():
        await toy.enqueue("slips once", payload={"fails": 1})
        await toy.enqueue("slips always", payload={"fails": 9, "run": 2}, job_id=job)
        await until(lambda: in_state(toy, "slips once", "done"))
        await until(lambda: in_state(toy, "slips always", "failed"))

    assert await toy.notes() == ["slips once: played at attempt 2"]
    (body,) = await toy.announced(StepFailed.stream)
    event = Event[StepFailed].model_validate_json(body)
    failed = event.data
    assert event.jobid == job
    assert (failed.reason, failed.attempts, failed.run, failed.detail) == ("runtime", 3, 2, "the toy slipped")


async def test_an_error_that_no_retry_cures_fails_the_task_at_once(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("hopeless", payload={"hopeless": True})
        await until(lambda: in_state(toy, "hopeless", "failed"))

    row = await toy.task("hopeless")
    assert (row.reason, row.attempt) == ("hopeless", 1)


async def test_a_child_killed_for_memory_is_retried(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("oom", payload={"dies": 1})
        await until(lambda: in_state(toy, "oom", "done"))

    assert await toy.notes() == ["oom: played at attempt 2"]


async def test_a_cancelled_running_task_kills_the_child_and_all_it_started(toy: Toy, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    marks = tmp_path / "marks"
    job = uuid4()
    async with toy.running():
        await toy.enqueue("long", payload={"seconds": 60, "helper": str(helper), "marks": str(marks)}, job_id=job)
        await until(lambda: exists(helper))
        child_pid, helper_pid = int(marks.read_text().split()[1]), int(helper.read_text())

        async with toy.service.database.begin(TENANT) as work:
            count = await work.cancel_tasks(job_id=job)
        seconds = await until(lambda: gone(child_pid))
        await until(lambda: gone(helper_pid))

    assert count == 1
    assert seconds < 1
    assert (await toy.task("long")).state == "cancelled"
    assert await toy.notes() == []


async def test_a_cancelled_queued_task_never_starts(toy: Toy) -> None:
    await toy.enqueue("never")
    async with toy.service.database.begin(TENANT) as work:
        count = await work.cancel_tasks(subject="11111111-1111-4111-8111-111111111111")

    async with toy.running():
        await toy.enqueue("after")
        await until(lambda: in_state(toy, "after", "done"))

    assert count == 1
    assert await toy.notes() == ["after: played at attempt 1"]


async def test_one_tenant_cannot_cancel_anothers_task(toy: Toy) -> None:
    await toy.enqueue("ours")

    async with toy.service.database.begin(OTHER_TENANT) as work:
        count = await work.cancel_tasks(subject="11111111-1111-4111-8111-111111111111")

    assert count == 0


async def test_a_stale_worker_writes_nothing(toy: Toy) -> None:
    work = toy.service.work
    assert work is not None
    seen: list[type[BaseException]] = []

    @work.does("overtaken")
    async def overtaken(task: Task) -> None:
        async with toy.service.database.begin_untenanted() as connection:
            await connection.exec_driver_sql("UPDATE tasks SET token = token + 1")
        try:
            async with task.finish() as unit:
                await note(unit, "must not be seen")
        except LeaseLost:
            seen.append(LeaseLost)
            raise

    async with toy.service.database.begin(TENANT) as unit:
        await unit.enqueue(step="s", kind="overtaken", key="k", subject="x", payload={"run": 1})

    await work.work_off()

    assert seen == [LeaseLost]
    assert await toy.notes() == []
    assert (await toy.task("k")).state == "running"


async def test_a_stopped_service_hands_its_task_back_without_burning_a_try(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with toy.running(grace_s=0.1):
        await toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
        await until(lambda: exists(marks))

    row = await toy.task("long")
    assert (row.state, row.attempt) == ("queued", 0)
    assert not alive(int(marks.read_text().split()[1]))


async def test_a_killed_service_leaves_no_child_and_another_resumes_its_task(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    await toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
    first = await toy.process()
    await until(lambda: exists(marks))
    child_pid = int(marks.read_text().split()[1])

    first.kill()
    await first.wait()
    killed_at = time.monotonic()
    await until(lambda: gone(child_pid))
    async with toy.running():
        await until(lambda: in_state(toy, "long", "done"))

    assert time.monotonic() - killed_at < toy.settings.lease_s + 4
    assert await toy.notes() == ["long: played at attempt 2"]


async def test_a_task_that_kills_every_worker_is_given_up(toy: Toy) -> None:
    await toy.enqueue("killer")
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql("UPDATE tasks SET attempt = 3")

    async with toy.running():
        await until(lambda: in_state(toy, "killer", "failed"))

    assert (await toy.task("killer")).reason == "worker_lost"


async def test_a_flushed_redis_delays_work_by_seconds_and_loses_none(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with toy.running():
        await toy.enqueue("running", payload={"seconds": 2, "marks": str(marks)})
        await until(lambda: exists(marks))
        await toy.enqueue("waiting")

        await toy.redis.flushdb()
        await until(lambda: in_state(toy, "running", "done"))
        await until(lambda: in_state(toy, "waiting", "done"))

    assert marks.read_text().count("\n") == 1
    assert await toy.notes() == ["running: played at attempt 1", "waiting: played at attempt 1"]


async def test_an_entry_lost_on_its_way_is_missed_and_sent_again(toy: Toy) -> None:
    await toy.enqueue("lost")
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql("UPDATE tasks SET state = 'dispatched', token = 1, heartbeat_at = now()")

    async with toy.running():
        await until(lambda: in_state(toy, "lost", "done"))

    assert await toy.notes() == ["lost: played at attempt 1"]


async def test_tenants_take_turns_and_urgent_work_goes_first(toy: Toy) -> None:
    order: list[Any] = []
    work = toy.service.work
    assert work is not None

    @work.does("turn")
    async def turn(task: Task) -> None:
        order.append(task.key)

    async def put(key: str, tenant: Any, priority: Any = "normal") -> None:
        async with toy.service.database.begin(tenant) as unit:
            await unit.enqueue(step="s", kind="turn", key=key, subject="x", payload={"run": 1}, priority=priority)

    for number in range(3):
        await put(f"a{number}", TENANT)
    await put("b0", OTHER_TENANT)
    await put("bulk", OTHER_TENANT, "bulk")
    await put("urgent", TENANT, "urgent")

    async with toy.running():
        await until(lambda: in_state(toy, "bulk", "done"))

    assert order == ["urgent", "a0", "b0", "a1", "a2", "bulk"]


async def test_the_service_process_stops_in_good_order_and_says_so(toy: Toy, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    await toy.enqueue("long", payload={"seconds": 60, "marks": str(marks)})
    process = await toy.process()
    await until(lambda: exists(marks))

    process.send_signal(signal.SIGTERM)
    code = await process.wait()

    row = await toy.task("long")
    assert code == 0
    assert (row.state, row.attempt) == ("queued", 0)
    assert not alive(int(marks.read_text().split()[1]))


async def test_a_fault_of_the_failure_handler_keeps_the_task(toy: Toy) -> None:
    async with toy.service.database.begin(TENANT) as unit:
        await unit.enqueue(step="not a step", kind="act", key="k", subject="x", payload={"run": 1, "hopeless": True})
    work = toy.service.work
    assert work is not None

    async with toy.service.database.begin_untenanted() as connection:
        claim = await work._store.claim_next(connection, "test")
    assert claim is not None
    outcome = await work._execution(claim).run()

    assert outcome == "retried"
    assert (await toy.task("k")).state == "queued"
