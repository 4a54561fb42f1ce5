"""However long the queue is, a round looks at what it dispatches, and the process holds what is in flight."""

from collections.abc import Mapping
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from support.chassis_running import Toy, until
from support.work_toy import a_dispatcher, process, replica, states

pytestmark = pytest.mark.servers

LONG = 100_000
_FILL = text(
    """
    INSERT INTO tasks (id, tenant_id, key, step, kind, subject, payload, priority, not_before)
    SELECT gen_random_uuid(), CAST('00000000-0000-7000-8000-' || lpad((n % :tenants + 1)::text, 12, '0') AS uuid),
        CAST(:prefix AS text) || n, 'transcript', 'note', '11111111-1111-4111-8111-111111111111', '{"run": 1}',
        n % 3, now() + CAST(:wait AS interval)
    FROM generate_series(1, :count) n
    """
)


async def fill(toy: Toy, count: int, *, tenants: int, prefix: str = "", wait: str | None = None) -> None:
    values = {"count": count, "tenants": tenants, "prefix": prefix}
    statement = text(str(_FILL).replace("CAST(:wait AS interval)", f"interval '{wait}'" if wait else "NULL"))
    async with toy.service.database.begin_untenanted() as connection:
        await connection.execute(statement, values)


async def looked_at(connection: AsyncConnection) -> Mapping[str, int]:
    """Rows of tasks this transaction has read so far, by the way they were found."""
    query = "SELECT seq_scan, seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'tasks'"
    row = (await connection.execute(text(query))).one()
    return dict(row._mapping)


@pytest.mark.parametrize("tenants", [1, 5000], ids=["one tenant", "5,000 tenants"])
async def test_a_round_reads_a_few_rows_of_a_hundred_thousand(any_toy: Toy, tenants: int) -> None:
    await fill(any_toy, LONG, tenants=tenants)
    await fill(any_toy, LONG, tenants=tenants, prefix="waits ", wait="1 hour")
    dispatcher = a_dispatcher(any_toy)

    async with any_toy.service.database.begin_untenanted() as connection:
        await dispatcher._queue.steady(connection)
        before = await looked_at(connection)
        outlook = await dispatcher._queue.outlook(connection)
        in_flight = await dispatcher._queue.in_flight(connection)
        sent = await dispatcher._choose(connection, outlook.priorities, sum(in_flight.values()) + 4)
        after = await looked_at(connection)

    assert len(sent) == 4
    assert after["seq_scan"] == before["seq_scan"]
    assert after["idx_tup_fetch"] - before["idx_tup_fetch"] < 60


async def test_a_process_holds_what_is_in_flight_and_not_what_is_queued(any_toy: Toy) -> None:
    await fill(any_toy, 30, tenants=2, prefix="warm ")
    worker = await process(any_toy, TOY_WORKERS="4")
    await until(lambda: done(any_toy, 30), timeout_s=60)
    before = peak_memory_mb(worker.pid)

    await fill(any_toy, LONG, tenants=50)
    await until(lambda: done(any_toy, 230), timeout_s=120)
    grown = peak_memory_mb(worker.pid) - before

    assert grown < 10  # a hundred thousand rows of three fields take more than 30


async def done(toy: Toy, count: int) -> bool:
    async with toy.service.database.begin_untenanted() as connection:
        ended = await connection.scalar(text("SELECT count(*) FROM tasks WHERE state = 'done'"))
    return int(ended or 0) >= count


def peak_memory_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def test_more_tasks_than_a_statement_has_parameters_can_be_lost_and_found(any_toy: Toy) -> None:
    await fill(any_toy, 20_000, tenants=3)
    async with any_toy.service.database.begin_untenanted() as connection:
        await connection.execute(
            text("UPDATE tasks SET state = 'dispatched', token = 1, heartbeat_at = now() - interval '1 hour'")
        )
    stale = [("task", str(uuid4()), "token", "1") for _ in range(10_000)]
    async with any_toy.redis.pipeline(transaction=False) as pipeline:
        for name, task, token_name, token in stale:
            pipeline.xadd("work.toy", {name: task, token_name: token})
        await pipeline.execute()

    async with replica(any_toy):
        await until(lambda: all_found(any_toy), timeout_s=60)
        left = await any_toy.redis.xlen("work.toy")

    assert left <= 1


async def all_found(toy: Toy) -> bool:
    found = list((await states(toy)).values())
    return found.count("dispatched") <= 1 and found.count("queued") > 19_000
