"""A clock that is set, or a server that could not be heard, takes no task from a worker that lives."""

import asyncio
import time
from typing import Any

import pytest

from chassis._endings import end
from chassis.database._signals import Signals
from chassis.work._dispatcher import Dispatcher
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from support.chassis_running import Toy, until
from support.work_toy import put

pytestmark = pytest.mark.servers
HOUR_S = 3600
LEASE_S = 8.0


def a_dispatcher(toy: Toy, signals: Signals) -> Any:
    return Dispatcher(
        toy.service.database,
        TaskStore("toy", lease_s=LEASE_S),
        WorkStream(toy.redis, service="toy", consumer="test"),
        signals,
        lease_s=LEASE_S,
        tenant_cap=None,
        backlog=1,
        keep_days=1,
    )


async def set_row(toy: Toy, values: str) -> None:
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql(f"UPDATE tasks SET {values}")


async def is_old(toy: Toy) -> bool:
    """Whether PostgreSQL has run for longer than a lease: before, it calls nobody silent."""
    async with toy.service.database.begin_untenanted() as connection:
        query = "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float8"
        return bool((await connection.exec_driver_sql(query)).scalar_one() > LEASE_S)


async def looks_silent(dispatcher: Any) -> bool:
    (row,) = await dispatcher._look()
    return bool(row.silent)


async def test_a_clock_set_forward_makes_nobody_silent_for_a_lease(any_toy: Toy) -> None:
    await until(lambda: is_old(any_toy))
    await put(any_toy, "k")
    await set_row(any_toy, "state = 'running', token = 2, heartbeat_at = now()")
    signals = Signals(str(any_toy.settings.database_url), service="toy")
    one, other = a_dispatcher(any_toy, signals), a_dispatcher(any_toy, signals)
    assert not await looks_silent(one)
    assert not await looks_silent(other)

    await set_row(any_toy, "heartbeat_at = now() - interval '1 hour'")
    one._clock -= HOUR_S

    assert not await looks_silent(one)
    assert await looks_silent(other)  # for which no clock was set


async def test_a_heartbeat_of_the_future_keeps_no_dead_worker_alive(any_toy: Toy) -> None:
    await until(lambda: is_old(any_toy))
    await put(any_toy, "k")
    await set_row(any_toy, "state = 'running', token = 2, heartbeat_at = now() + interval '1 hour'")
    signals = Signals(str(any_toy.settings.database_url), service="toy")

    silent = await looks_silent(a_dispatcher(any_toy, signals))

    assert silent


async def test_a_retry_waits_no_longer_because_the_clock_was_set_back(any_toy: Toy) -> None:
    await put(any_toy, "k")
    await set_row(any_toy, "not_before = now() + interval '2 hours'")
    signals = Signals(str(any_toy.settings.database_url), service="toy")
    dispatcher = a_dispatcher(any_toy, signals)
    await dispatcher._look()

    dispatcher._clock += 2 * HOUR_S
    await dispatcher._look()

    async with any_toy.service.database.begin_untenanted() as connection:
        query = "SELECT extract(epoch FROM not_before - now())::float8 FROM tasks"
        wait_s = (await connection.exec_driver_sql(query)).scalar_one()
    assert wait_s <= 300


async def test_who_leads_anew_when_postgresql_is_heard_again_gives_everybody_a_lease_of_time(any_toy: Toy) -> None:
    await until(lambda: is_old(any_toy))
    await put(any_toy, "k")
    await set_row(any_toy, "state = 'running', token = 2, heartbeat_at = now() - interval '1 minute'")
    url = str(any_toy.settings.database_url)
    deaf, well = Signals(url, service="toy"), Signals(url, service="toy")
    deaf.heard_at = time.monotonic() - 60  # as if it had not been answered for a minute

    await hear(well)
    await hear(deaf)

    assert await looks_silent(a_dispatcher(any_toy, well))
    assert not await looks_silent(a_dispatcher(any_toy, deaf))


async def hear(signals: Signals) -> None:
    listening = asyncio.create_task(signals.run())
    await until(lambda: leads(signals))
    await end(listening)


async def leads(signals: Signals) -> bool:
    return signals.leads
