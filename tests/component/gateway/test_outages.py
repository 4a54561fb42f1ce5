"""PostgreSQL goes away: the client is told to try again, not that we are broken."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.adapters.postgres.jobs import PostgresJobs
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

    async def slow(jobs: PostgresJobs, **_: object) -> None:
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
