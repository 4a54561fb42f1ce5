"""One round of the dispatcher, and two dispatchers at once."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis._endings import end
from chassis.database._signals import Signals
from chassis.work._dispatcher import Dispatcher
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, until
from support.chassis_toy import OTHER_TENANT, TENANT
from support.work_toy import a_dispatcher, all_ended, put, replica, states

pytestmark = pytest.mark.servers

THIRD_TENANT = UUID("01890000-0000-7000-8000-000000000003")
LAST_TENANT = UUID("01890000-0000-7000-8000-000000000004")


async def places(toy: Toy, count: int) -> None:
    """Have the register say that so many tasks can be done at once; nobody does them."""
    await WorkStream(toy.redis, service="toy", consumer="ghost").register(count)


async def change(toy: Toy, statement: str) -> None:
    async with toy.service.database.begin_untenanted() as connection:
        await connection.execute(text(statement))


async def dispatched(toy: Toy) -> set[str]:
    return {key for key, state in (await states(toy)).items() if state == "dispatched"}


async def test_tenants_at_their_cap_hide_nobody_who_has_room(any_toy: Toy) -> None:
    dispatcher = a_dispatcher(any_toy, tenant_cap=1)
    await places(any_toy, 4)
    for tenant, name in ((TENANT, "a"), (OTHER_TENANT, "b"), (THIRD_TENANT, "c")):
        for number in range(5):
            await put(any_toy, f"{name}{number}", tenant_id=tenant)
    await put(any_toy, "last 0", tenant_id=LAST_TENANT)
    await dispatcher.dispatch()
    first = await dispatched(any_toy)

    await change(any_toy, "UPDATE tasks SET state = 'done' WHERE key = 'last 0'")
    await put(any_toy, "last 1", tenant_id=LAST_TENANT)
    await dispatcher.dispatch()

    assert first == {"a0", "b0", "c0", "last 0"}
    assert await dispatched(any_toy) == {"a0", "b0", "c0", "last 1"}


async def test_no_more_is_in_flight_than_live_workers_take(any_toy: Toy) -> None:
    dispatcher = a_dispatcher(any_toy)
    await places(any_toy, 2)
    for number in range(6):
        await put(any_toy, f"{number}")

    sent = [(await dispatcher.dispatch())[0] for _ in range(2)]
    await change(any_toy, "UPDATE tasks SET state = 'done' WHERE key = '0'")
    sent.append((await dispatcher.dispatch())[0])

    assert sent == [2, 0, 1]


async def test_what_one_round_sends_is_on_its_way_in_the_order_of_turns(any_toy: Toy) -> None:
    await places(any_toy, 4)
    for number in range(3):
        await put(any_toy, f"a{number}")
    await put(any_toy, "b0", tenant_id=OTHER_TENANT)

    await a_dispatcher(any_toy).dispatch()

    keys = {str((await any_toy.task(key)).id): key for key in ("a0", "a1", "a2", "b0")}
    entries = await any_toy.redis.xrange("work.toy")
    assert [keys[fields[b"task"].decode()] for _, fields in entries] == ["a0", "b0", "a1", "a2"]


async def test_a_cap_counts_urgent_normal_and_bulk_together(any_toy: Toy) -> None:
    await places(any_toy, 10)
    for number in range(3):
        await put(any_toy, f"bulk {number}", priority="bulk")
        await put(any_toy, f"normal {number}")
    await put(any_toy, "urgent", priority="urgent")
    await put(any_toy, "other", tenant_id=OTHER_TENANT, priority="bulk")

    await a_dispatcher(any_toy, tenant_cap=2).dispatch()

    assert await dispatched(any_toy) == {"urgent", "normal 0", "other"}


async def test_a_retry_waits_until_it_is_due_and_then_goes_before_what_came_later(any_toy: Toy) -> None:
    dispatcher, store = a_dispatcher(any_toy), TaskStore("toy", lease_s=30)
    await places(any_toy, 1)
    await put(any_toy, "retried")
    async with any_toy.service.database.begin_untenanted() as connection:
        claim = await store.claim_next(connection, "test")
        assert claim is not None
        await store.put_back(connection, claim.id, claim.token, wait_s=3600, burned=True)
    await put(any_toy, "later 0")
    await put(any_toy, "later 1")

    _, due_s = await dispatcher.dispatch()
    before = await dispatched(any_toy)
    await change(any_toy, "UPDATE tasks SET state = 'done' WHERE key = 'later 0'")
    await change(any_toy, "UPDATE tasks SET not_before = now() - interval '1 second' WHERE key = 'retried'")
    await dispatcher.dispatch()

    assert before == {"later 0"}
    assert due_s is not None
    assert 3000 < due_s <= 3600
    assert await dispatched(any_toy) == {"retried"}


async def test_who_came_first_is_told_by_the_clock_of_postgresql(any_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    true_time = time.time_ns
    await places(any_toy, 1)

    monkeypatch.setattr(time, "time_ns", lambda: true_time() + 36_000 * 10**9)
    await put(any_toy, "first")
    monkeypatch.setattr(time, "time_ns", lambda: true_time() - 36_000 * 10**9)
    await put(any_toy, "second")
    await a_dispatcher(any_toy).dispatch()

    assert await dispatched(any_toy) == {"first"}


async def test_two_dispatchers_in_one_moment_choose_different_tasks_and_neither_waits(any_toy: Toy) -> None:
    for number in range(10):
        await put(any_toy, f"{number}")
    first, second = a_dispatcher(any_toy), a_dispatcher(any_toy)
    database = any_toy.service.database

    async with database.begin_untenanted() as one, database.begin_untenanted() as other, asyncio.timeout(20):
        chosen = await first._choose(one, [1], 4)
        also = await second._choose(other, [1], 4)

    assert (len(chosen), len(also)) == (4, 4)
    assert not {task.id for task in chosen} & {task.id for task in also}
    assert len(await dispatched(any_toy)) == 8


async def test_a_second_dispatcher_that_takes_itself_for_the_leader_doubles_nothing_and_loses_nothing(
    toy: Toy,
) -> None:
    rogue = a_dispatcher(toy, lease_s=1.0)
    rounds: list[float] = []

    async def meddle() -> None:
        while True:
            with suppress(ConnectionError):
                rounds.append(await rogue.step())
            rogue._next_reconcile = 0.0
            await asyncio.sleep(0.01)

    keys = [f"{number}" for number in range(30)]
    async with replica(toy, settings=toy.settings.model_copy(update={"workers": 3})):
        meddling = asyncio.create_task(meddle())
        for key in keys:
            await put(toy, key, tenant_id=TENANT, seconds=0.05)
        await until(lambda: all_ended(toy), timeout_s=60)
        await end(meddling)

    assert len(rounds) > 10
    assert Counter(await toy.notes()) == Counter(f"{key} at attempt 1" for key in keys)


async def test_only_who_leads_dispatches(any_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[bool] = []
    step = Dispatcher.step
    signals = Signals(str(any_toy.settings.database_url), service="toy")

    async def seen(self: Dispatcher) -> float:
        steps.append(signals.leads)
        return await step(self)

    monkeypatch.setattr(Dispatcher, "step", seen)
    await places(any_toy, 1)
    await put(any_toy, "k")
    running = asyncio.create_task(a_dispatcher(any_toy, signals=signals).run())
    await asyncio.sleep(0.1)
    before = await dispatched(any_toy)
    listening = asyncio.create_task(signals.run())
    await until(lambda: any_dispatched(any_toy))
    await end(running, listening)

    assert before == set()
    assert set(steps) == {True}


async def any_dispatched(toy: Toy) -> bool:
    return bool(await dispatched(toy))


async def test_tasks_that_ended_a_month_ago_are_forgotten_and_what_is_open_never(any_toy: Toy) -> None:
    for key in ("old done", "old failed", "old cancelled", "young done", "old queued", "old running"):
        await put(any_toy, key)
        state, age = key.split()[1], "31 days" if key.startswith("old") else "29 days"
        await change(
            any_toy,
            f"UPDATE tasks SET state = '{state}', changed_at = now() - interval '{age}', heartbeat_at = now()"
            f" WHERE key = '{key}'",
        )

    await a_dispatcher(any_toy).step()

    assert set(await states(any_toy)) == {"young done", "old queued", "old running"}
