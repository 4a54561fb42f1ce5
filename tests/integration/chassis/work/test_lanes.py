"""Kinds of task that have a stream and workers of their own."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from chassis.run import Service
from chassis.work import Lane, Task, Workbench
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, until
from support.chassis_toy import build
from support.work_toy import a_dispatcher, all_ended, in_state, replica, states

pytestmark = pytest.mark.servers


def a_service(toy: Toy, done: Counter[tuple[str, str]], name: str, *, workers: int, apart: int) -> Service:
    """A replica that counts by its name what it did and nobody else may: the commit that ends a task is fenced, though
    on a machine that stood still for longer than a lease its work may have begun twice. ``apart``: how many tasks of
    the lane it does at once."""
    service = build(toy.settings)
    lane = Lane("apart", workers=apart, only=frozenset({"heavy"}), ahead=2)
    work = Workbench(service.bus, service.database, workers=workers, lease_s=5.0, base_s=0.05, lanes=(lane,))

    def doing(kind: str) -> Callable[[Task], Awaitable[None]]:
        async def do(task: Task) -> None:
            async with task.finish():
                pass
            done[name, kind] += 1

        return do

    for kind in ("light", "heavy"):
        work.does(kind)(doing(kind))
    return replace(service, work=work)


async def length(toy: Toy, lane: str = "") -> int:
    """Entries on a stream."""
    return int(await toy.redis.xlen(WorkStream(toy.redis, service="toy", consumer="none", lane=lane).name))


async def test_each_lane_is_worked_off_by_its_own_workers_alone(toy: Toy) -> None:
    done: Counter[tuple[str, str]] = Counter()
    control = a_service(toy, done, "control", workers=2, apart=0)
    worker = a_service(toy, done, "worker", workers=0, apart=2)
    for number in range(5):
        await toy.enqueue(f"light {number}", kind="light")
        await toy.enqueue(f"heavy {number}", kind="heavy")

    async with AsyncExitStack() as stack:
        for service in (control, worker):
            stack.push_async_callback(service.close)
            await stack.enter_async_context(replica(toy, service=service))
        await until(lambda: all_ended(toy))

    assert done == {("control", "light"): 5, ("worker", "heavy"): 5}
    assert await length(toy) == await length(toy, "apart") == 0


async def test_a_lane_without_workers_shows_some_of_what_waits_and_holds_up_nobody(toy: Toy) -> None:
    done: Counter[tuple[str, str]] = Counter()
    control = a_service(toy, done, "control", workers=1, apart=0)
    for number in range(5):
        await toy.enqueue(f"heavy {number}", kind="heavy")
    await toy.enqueue("light", kind="light")

    async with replica(toy, service=control):
        await until(lambda: in_state(toy, "light", "done"))
        await until(lambda: as_long(toy, 2))
        waiting = Counter((await states(toy)).values())
        worker = a_service(toy, done, "worker", workers=0, apart=1)
        async with replica(toy, service=worker):
            await until(lambda: all_ended(toy))
        await worker.close()
    await control.close()

    assert waiting == {"done": 1, "dispatched": 2, "queued": 3}
    assert done == {("control", "light"): 1, ("worker", "heavy"): 5}


async def test_what_was_sent_before_there_were_lanes_is_done_when_there_are(toy: Toy) -> None:
    done: Counter[tuple[str, str]] = Counter()
    await WorkStream(toy.redis, service="toy", consumer="gone").register(1)
    before = a_dispatcher(toy)
    await before._stream.ensure()
    await toy.enqueue("heavy", kind="heavy")
    await before.dispatch()
    sent = await states(toy)
    control = a_service(toy, done, "control", workers=1, apart=0)
    worker = a_service(toy, done, "worker", workers=0, apart=1)

    async with AsyncExitStack() as stack:
        for service in (control, worker):
            stack.push_async_callback(service.close)
            await stack.enter_async_context(replica(toy, service=service))
        await until(lambda: all_ended(toy))

    assert sent == {"heavy": "dispatched"}
    assert await states(toy) == {"heavy": "done"}
    assert done in ({("worker", "heavy"): 1}, {("control", "heavy"): 1})  # whoever finds its entry first
    assert await length(toy) == 0


async def as_long(toy: Toy, count: int) -> bool:
    """Whether so many entries wait in the lane."""
    return await length(toy, "apart") == count
