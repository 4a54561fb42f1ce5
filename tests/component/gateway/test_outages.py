"""PostgreSQL goes away: the client is told to try again, not that we are broken."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.jobs import PostgresJobs
from gateway.domain.jobs import Job
from gateway.domain.progress import cancel
from support.gateway_rig import Gateway, json_of


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), socket.gaierror("no such host")], ids=repr)
async def test_a_database_that_is_away_is_said_to_be_so(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    client = await gateway.owner()
    await client.get("/v1/me")

    def away(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("gateway.usecases.jobs.Jobs.page", away)
    answer = await client.get("/v1/jobs")

    assert (json_of(answer, 503)["type"], answer.headers["retry-after"]) == ("/problems/unavailable", "5")


async def test_a_database_that_takes_no_more_connections_is_said_to_be_so(gateway: Gateway, postgres_url: str) -> None:
    client = await gateway.owner()
    await gateway.harness.database.close()  # the pool is empty: the next request needs a new connection

    async with as_superuser(postgres_url) as execute:
        await execute("ALTER ROLE gateway CONNECTION LIMIT 0")
        try:
            answer = await client.get("/v1/jobs")
        finally:
            await execute("ALTER ROLE gateway CONNECTION LIMIT -1")
    later = await client.get("/v1/jobs")

    assert (json_of(answer, 503)["type"], later.status_code) == ("/problems/unavailable", 200)


async def test_a_database_that_goes_away_in_the_middle_is_said_to_be_so(
    gateway: Gateway, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()

    async def slow(jobs: PostgresJobs, *_: object, **__: object) -> None:
        await jobs._connection.exec_driver_sql("SELECT pg_sleep(10)")

    monkeypatch.setattr(PostgresJobs, "page", slow)
    async with as_superuser(postgres_url) as execute:
        asked = asyncio.create_task(client.get("/v1/jobs"))
        async with asyncio.timeout(10):
            while not await execute(  # noqa: ASYNC110 (PostgreSQL tells nobody that a query has begun)
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(10)'"
            ):
                await asyncio.sleep(0.02)

    assert json_of(await asked, 503)["type"] == "/problems/unavailable"


async def test_a_request_that_made_way_for_another_is_tried_again_and_counts_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    add = PostgresJobs.add
    refused: list[UUID] = []

    async def deadlocked(jobs: PostgresJobs, job: Job) -> None:
        await add(jobs, job)
        if len(refused) < 2:
            refused.append(job.id)
            await jobs._connection.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

    monkeypatch.setattr(PostgresJobs, "add", deadlocked)
    asked = json_of(await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]}), 202)
    jobs = json_of(await client.get("/v1/jobs"), 200)["items"]

    assert len(refused) == 2
    assert [job["id"] for job in jobs] == [asked["id"]]


async def test_a_request_that_makes_way_again_and_again_is_told_to_come_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)

    async def deadlocked(jobs: PostgresJobs, _: Job) -> None:
        await jobs._connection.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

    monkeypatch.setattr(PostgresJobs, "add", deadlocked)
    answer = await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]})

    assert (json_of(answer, 503)["type"], answer.headers["retry-after"]) == ("/problems/unavailable", "5")


async def test_who_ends_one_job_and_goes_on_holds_up_nobody_who_ends_another(gateway: Gateway) -> None:
    """Else the two would wait for each other as soon as the first comes to the job of the second."""
    client = await gateway.owner()
    video = await gateway.ingested(client)
    order = {"video_id": video["id"], "steps": ["scenes"]}
    first, second = [json_of(await client.post("/v1/jobs", json=order), 202) for _ in range(2)]

    async with gateway.harness.database.begin(UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])) as work:
        jobs = PostgresRecords(work.connection).jobs
        job = await jobs.get(UUID(first["id"]), lock=True)
        assert job is not None
        await jobs.save(job.with_steps(cancel(job.steps), now=datetime.now(UTC)))
        async with asyncio.timeout(30):
            cancelled = await client.post(f"/v1/jobs/{second['id']}/cancel")

    assert json_of(cancelled, 202)["state"] == "cancelled"


@asynccontextmanager
async def as_superuser(postgres_url: str) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """Run statements beside the gateway; each says how many rows it gave or touched."""
    engine = create_async_engine(make_url(postgres_url).set(drivername="postgresql+asyncpg"))

    async def execute(statement: str) -> int:
        async with engine.begin() as connection:
            return (await connection.exec_driver_sql(statement)).rowcount

    try:
        yield execute
    finally:
        await engine.dispose()
