"""Who is next: classes, turns, caps, and the register of those who work."""

import asyncio
import time
from uuid import UUID

import pytest
from sqlalchemy import text

import chassis.work._dispatcher
from chassis.work import Task, Workbench
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, a_toy, until
from support.chassis_toy import OTHER_TENANT, TENANT
from support.redis_variants import Server
from support.work_toy import all_ended, build, in_state, put, replica, states

pytestmark = pytest.mark.servers

THIRD_TENANT = UUID("01890000-0000-7000-8000-000000000003")


def follow(work: Workbench, order: list[str], *, hold: asyncio.Event | None = None) -> None:
    """Teach the kind ``turn``, which writes down when it starts, and waits if there is something to wait for."""

    @work.does("turn")
    async def turn(task: Task) -> None:
        order.append(task.key)
        if hold is not None:
            await hold.wait()


async def test_urgent_goes_before_normal_before_bulk_and_tenants_take_turns(toy: Toy) -> None:
    order: list[str] = []
    assert toy.service.work is not None
    follow(toy.service.work, order)
    for number in range(3):
        await put(toy, f"a{number}", kind="turn")
    await put(toy, "b0", kind="turn", tenant_id=OTHER_TENANT)
    await put(toy, "bulk", kind="turn", tenant_id=OTHER_TENANT, priority="bulk")
    await put(toy, "urgent", kind="turn", priority="urgent")

    async with replica(toy, service=toy.service):
        await until(lambda: all_ended(toy))

    assert order == ["urgent", "a0", "b0", "a1", "a2", "bulk"]


async def test_under_load_an_urgent_task_waits_for_what_runs_and_for_nothing_that_is_queued(toy: Toy) -> None:
    order: list[str] = []
    service = build(toy.settings.model_copy(update={"workers": 2}))
    assert service.work is not None
    hold = asyncio.Event()
    follow(service.work, order, hold=hold)
    for number in range(50):
        await put(toy, f"bulk {number}", kind="turn", priority="bulk")

    async with replica(toy, service=service):
        await until(lambda: as_many(order, 2))
        await put(toy, "urgent", kind="turn", priority="urgent", tenant_id=OTHER_TENANT)
        hold.set()
        await until(lambda: all_ended(toy), timeout_s=30)
    await service.close()

    assert order.index("urgent") == 2


async def as_many(of: list[str], count: int) -> bool:
    return len(of) >= count


async def test_a_thousand_tasks_of_one_tenant_delay_the_one_of_another_by_no_more_than_those_that_run(
    toy: Toy,
) -> None:
    order: list[str] = []
    service = build(toy.settings.model_copy(update={"workers": 2}))
    assert service.work is not None
    hold = asyncio.Event()
    follow(service.work, order, hold=hold)
    async with toy.service.database.begin(TENANT) as unit:
        for number in range(1000):
            key, given = f"many {number}", {"run": 1}
            await unit.enqueue(step="s", kind="turn", key=key, subject="x", payload=given)

    async with replica(toy, service=service) as running:
        await until(lambda: as_many(order, 2))
        await put(toy, "single", kind="turn", tenant_id=OTHER_TENANT)
        await put(toy, "single too", kind="turn", tenant_id=THIRD_TENANT)
        hold.set()
        await until(lambda: in_state(toy, "single too", "done"), timeout_s=30)
        running.stop.set()
    await service.close()

    # Two were running. Then each of the three tenants has its turn, whoever is first.
    assert max(order.index("single"), order.index("single too")) <= 4


async def test_a_cap_holds_for_all_replicas_together(toy: Toy) -> None:
    order: list[str] = []
    settings = toy.settings.model_copy(update={"workers": 2, "tenant_cap": 2})
    services = [build(settings), build(settings)]
    hold = asyncio.Event()
    for service in services:
        assert service.work is not None
        follow(service.work, order, hold=hold)
    for number in range(6):
        await put(toy, f"a{number}", kind="turn")
    await put(toy, "b0", kind="turn", tenant_id=OTHER_TENANT)

    async with replica(toy, service=services[0]), replica(toy, service=services[1]):
        await until(lambda: as_many(order, 3))
        await asyncio.sleep(1.5)  # several rounds, in which a fourth would start
        held = sorted(order)
        hold.set()
        await until(lambda: all_ended(toy), timeout_s=30)
    for service in services:
        await service.close()

    assert held == ["a0", "a1", "b0"]
    assert len(order) == 7


async def test_a_task_starts_because_it_was_enqueued_and_not_because_somebody_looked(
    postgres_url: str, server: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.work._dispatcher, "_POLL_S", 600.0)
    folder = tmp_path_factory.mktemp("woken")
    async with a_toy(postgres_url, server.database(5), folder, lease_s=2400.0) as toy:
        async with replica(toy, silent_s=600) as running:
            await asyncio.wait_for(running.signals.until_leading(), 10)
            for number in range(3):  # each is enqueued when nothing is left to do
                await put(toy, f"{number}")
                await until(lambda: all_ended(toy), timeout_s=30)

        assert await toy.notes() == ["0 at attempt 1", "1 at attempt 1", "2 at attempt 1"]


async def test_a_place_that_becomes_free_is_filled_because_of_that_and_a_retry_because_it_is_due(
    postgres_url: str, server: Server, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.work._dispatcher, "_POLL_S", 600.0)
    folder = tmp_path_factory.mktemp("filled")
    async with a_toy(postgres_url, server.database(5), folder, lease_s=2400.0) as toy:
        for number in range(5):
            await put(toy, f"{number}")
        await toy.enqueue("slips", payload={"fails": 1})
        async with toy.service.database.begin_untenanted() as connection:
            await connection.execute(text("UPDATE tasks SET priority = 2 WHERE key = 'slips'"))

        async with replica(toy, silent_s=600):
            await until(lambda: all_ended(toy), timeout_s=60)

        assert set((await states(toy)).values()) == {"done"}


async def test_the_register_goes_by_the_clock_of_redis_whatever_the_machines_think(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = WorkStream(toy.redis, service="toy", consumer="ahead")
    behind = WorkStream(toy.redis, service="toy", consumer="behind")
    true_time = time.time

    monkeypatch.setattr(time, "time", lambda: true_time() + 36_000)
    await ahead.register(2)
    monkeypatch.setattr(time, "time", lambda: true_time() - 36_000)
    await behind.register(3)
    slots = await behind.live_slots(10)
    monkeypatch.setattr(time, "time", lambda: true_time() + 36_000)
    again = await ahead.live_slots(10)

    assert (slots, again) == (5, 5)


async def test_workers_are_struck_off_when_silent_or_when_the_clock_of_redis_went_back_and_come_again(
    toy: Toy,
) -> None:
    stream = WorkStream(toy.redis, service="toy", consumer="lives")
    seconds, _ = await toy.redis.time()
    await toy.redis.zadd(stream._workers, {"dead:4": (seconds - 60) * 1000, "of the future:8": (seconds + 3600) * 1000})
    await stream.register(1)

    slots = await stream.live_slots(10)

    assert slots == 1
    assert await toy.redis.zrange(stream._workers, 0, -1) == [b"lives:1"]


async def test_nothing_is_dispatched_to_workers_that_are_gone(toy: Toy) -> None:
    seconds, _ = await toy.redis.time()
    ghost = WorkStream(toy.redis, service="toy", consumer="ghost")
    await toy.redis.zadd(ghost._workers, {"ghost:100": (seconds - 60) * 1000})  # last heard a minute ago
    for number in range(8):
        await put(toy, f"{number}", seconds=0.3)
    in_flight: list[int] = []

    async with replica(toy):
        await until(lambda: ended_but(toy, in_flight), timeout_s=60)

    assert max(in_flight) == 1
    assert len(await toy.notes()) == 8


async def ended_but(toy: Toy, in_flight: list[int]) -> bool:
    """Whether all have ended; how many were on their way or running is noted at each look."""
    found = list((await states(toy)).values())
    in_flight.append(found.count("dispatched") + found.count("running"))
    return found.count("done") == len(found)
