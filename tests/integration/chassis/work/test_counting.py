"""What went wrong and was lived through is counted: the counters an operator's alerts stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis.work import Task
from chassis.work._stream import WorkStream
from support.bus_looking import (
    all_noted,
    an_event,
    entry_of,
    has_letters,
    in_hand,
    noted,
    nothing_in_hand,
    put,
    reading,
)
from support.chassis_running import Toy, until
from support.chassis_toy import Poked
from support.work_toy import all_ended, replica
from support.work_toy import put as put_task

pytestmark = pytest.mark.servers
HEARD = {"stream": Poked.stream}


@asynccontextmanager
async def counted(name: str, **labels: str) -> AsyncIterator[list[float]]:
    """By how much the counter rose in the block."""
    before = REGISTRY.get_sample_value(name, labels) or 0.0
    rise: list[float] = []
    yield rise
    rise.append((REGISTRY.get_sample_value(name, labels) or 0.0) - before)


async def test_facts_handled_again_retried_and_dead_are_counted(toy: Toy) -> None:
    event = an_event("twice")
    async with (
        counted("chassis_facts_handled_total", **HEARD) as handled,
        counted("chassis_facts_repeated_total", **HEARD) as repeated,
        counted("chassis_facts_retried_total", **HEARD) as retried,
        counted("chassis_facts_dead_total", **HEARD, reason="hopeless") as dead,
        reading(toy),
    ):
        for _ in range(2):
            await toy.redis.xadd(Poked.stream, await entry_of(event))
        await put(toy, "fail", "hopeless")
        await until(lambda: has_letters(toy, 2))
        await all_noted(toy, 1)

    assert (handled, repeated, retried, dead) == ([1], [1], [2], [1])


async def test_facts_taken_from_the_silent_are_counted(toy: Toy) -> None:
    await toy.service.bus.ensure_groups()
    await put(toy, "stranded")
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)
    async with counted("chassis_facts_reaped_total", **HEARD) as reaped, reading(toy):
        await all_noted(toy, 1)

    assert reaped == [1]


async def test_facts_sent_again_are_counted(toy: Toy) -> None:
    await toy.announce(Poked(note="x"))
    await toy.relay()
    await toy.redis.flushall()
    async with counted("chassis_outbox_resent_total") as resent, toy.running():
        await all_noted(toy, 1)
        await until(lambda: nothing_in_hand(toy))

    assert resent[0] >= 1


async def test_tasks_lost_are_counted_with_how_each_run_ended(toy: Toy) -> None:
    work = toy.service.work
    assert work is not None

    @work.does("overtaken")
    async def overtaken(task: Task) -> None:
        if task.attempt == 1:
            async with toy.service.database.begin_untenanted() as connection:
                await connection.execute(text("UPDATE tasks SET state = 'queued', token = token + 1"))
        async with task.finish():
            pass

    await put_task(toy, "k", kind="overtaken")
    async with (
        counted("chassis_tasks_ended_total", kind="overtaken", outcome="lost") as lost,
        counted("chassis_tasks_ended_total", kind="overtaken", outcome="done") as done,
        counted("chassis_leases_lost_total", kind="overtaken") as leases,
        replica(toy, service=toy.service),
    ):
        await until(lambda: all_ended(toy))

    assert (lost, done, leases) == ([1], [1], [1])


async def test_tasks_that_are_missed_on_their_way_are_counted(toy: Toy) -> None:
    await put_task(toy, "k")
    async with toy.service.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE tasks SET state = 'dispatched', token = 1, heartbeat_at = now()"))
    async with counted("chassis_tasks_reconciled_total") as reconciled, replica(toy):
        await until(lambda: all_ended(toy))

    assert reconciled[0] >= 1


async def test_facts_that_another_consumer_holds_are_counted(toy: Toy) -> None:
    toy.service.bus.lease_s = 60
    await put(toy, "stumble 1", "dawdle 1", "taken")
    async with counted("chassis_facts_fenced_total", **HEARD) as fenced, reading(toy):
        await until(lambda: in_hand(toy, 3))
        taken = (await toy.redis.xrange(Poked.stream))[2][0]
        await toy.redis.xclaim(Poked.stream, "toy", "another", 0, [taken])
        await until(lambda: noted(toy, 2))
        await until(lambda: in_hand(toy, 1))

    assert fenced == [1]


async def test_dispatches_of_a_task_that_moved_on_are_counted(toy: Toy) -> None:
    await put_task(toy, "k")
    stream = WorkStream(toy.redis, service="toy", consumer="another")
    await stream.ensure()
    await stream.send([((await toy.task("k")).id, 99)])
    async with counted("chassis_tasks_fenced_total") as fenced, replica(toy):
        await until(lambda: all_ended(toy))

    assert fenced == [1]


async def test_facts_sent_and_how_long_all_took_are_counted(toy: Toy) -> None:
    async with (
        counted("chassis_outbox_sent_total") as sent,
        counted("chassis_fact_seconds_count", **HEARD) as handled,
        counted("chassis_task_queue_seconds_count", kind="act") as queued,
        counted("chassis_task_claim_seconds_count", kind="act") as claimed,
        counted("chassis_task_seconds_count", kind="act") as done,
        toy.running(),
    ):
        await toy.announce(Poked(note="x"))
        await toy.enqueue("k")
        await all_noted(toy, 2)
        await until(lambda: all_ended(toy))
        await until(lambda: all_sent(toy))

    assert (sent, handled, queued, claimed, done) == ([3], [1], [1], [1], [1])  # both answer with a fact


async def all_sent(toy: Toy) -> bool:
    return await toy.unsent() == 0


async def test_the_leader_says_so_while_it_leads(toy: Toy) -> None:
    async with replica(toy) as running:
        await running.signals.until_leading()

        assert REGISTRY.get_sample_value("chassis_leader") == 1

    assert REGISTRY.get_sample_value("chassis_leader") == 0
