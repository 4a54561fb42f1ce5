"""Watching jobs live: several replicas, a real server, a real Redis that comes and goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from redis.asyncio import Redis

from chassis.run import Service
from contracts.steps import Step, StepProgressed
from gateway.adapters.changes import RedisChanges
from gateway.domain.access import Caller
from gateway.main import build
from support.gateway_rig import Gateway, a_gateway, an_ingested

NEVER_S = 60.0
"""Longer than any of these tests: what arrives earlier did not wait for it."""


@dataclass
class Replica:
    """One process's worth of gateway, on a port of its own."""

    url: str
    changes: RedisChanges


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Replica]:
    changes: RedisChanges = service.background[0].__self__  # type: ignore[attr-defined]
    server = uvicorn.Server(
        uvicorn.Config(service.app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=int(NEVER_S))
    )
    background = asyncio.create_task(changes.run())
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Replica(f"http://127.0.0.1:{port}", changes)
    finally:
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)
        server.should_exit = True
        await serving


@dataclass
class Stage:
    """Two replicas on one database, a job, and somebody who may watch it."""

    gateway: Gateway
    first: Replica
    second: Replica
    caller: Caller
    headers: dict[str, str]
    video: dict[str, Any]
    job: dict[str, Any]

    @property
    def events_path(self) -> str:
        """Where the job is watched."""
        return f"/v1/jobs/{self.job['id']}/events"

    async def progress(self, fraction: float) -> None:
        """The step moves; the first replica hears of it."""
        fact = StepProgressed(video_id=UUID(self.video["id"]), step=Step.SCENES, run=1, fraction=fraction)
        await self.gateway.harness.hear(
            fact, subject=self.video["id"], job_id=UUID(self.job["id"]), tenant_id=self.caller.tenant_id
        )

    async def cancel(self) -> None:
        """The job ends, by the first replica."""
        async with httpx.AsyncClient(base_url=self.first.url, headers=self.headers) as client:
            assert (await client.post(f"/v1/jobs/{self.job['id']}/cancel")).status_code == 202


@asynccontextmanager
async def a_stage(postgres_url: str, redis_url: str, **settings: Any) -> AsyncIterator[Stage]:
    settings = {"poll_s": NEVER_S, "heartbeat_s": NEVER_S, **settings}
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(a_gateway(postgres_url, redis_url=redis_url, **settings))
        other = build(gateway.harness.service.settings)  # type: ignore[arg-type]
        stack.push_async_callback(other.close)
        first = await stack.enter_async_context(serving(gateway.harness.service))
        second = await stack.enter_async_context(serving(other))
        caller = await gateway.user(await gateway.tenant("studio"))
        client = await gateway.client(caller)
        video = await gateway.video(client)
        await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
        job = await gateway.job(client, video["id"])
        headers = {"Authorization": client.headers["Authorization"]}
        yield Stage(gateway, first, second, caller, headers, video, job)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (what is waited for knows nothing of tests)
            await asyncio.sleep(0.01)


async def reliable(*replicas: Replica) -> None:
    await until(lambda: all(replica.changes.reliable for replica in replicas))


async def lines(url: str, path: str, headers: dict[str, str]) -> AsyncGenerator[str, None]:
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
        client.stream("GET", path) as got,
    ):
        assert got.status_code == 200
        assert got.headers["content-type"].startswith("text/event-stream")
        async for line in got.aiter_lines():
            yield line


async def events(replica: Replica, stage: Stage) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(lines(replica.url, stage.events_path, stage.headers)) as said:
        async for line in said:
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def test_a_change_in_one_replica_is_seen_in_all_of_them_at_once(postgres_url: str, redis_url: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage:
        await reliable(stage.first, stage.second)
        async with aclosing(events(stage.first, stage)) as here, aclosing(events(stage.second, stage)) as there:
            snapshots = [await anext(here), await anext(there)]
            await stage.progress(0.5)
            async with asyncio.timeout(NEVER_S / 2):  # nobody has polled by then
                moved = [await anext(here), await anext(there)]
            await stage.cancel()
            ends = [[event async for event in watched] for watched in (here, there)]

        assert snapshots[0] == snapshots[1]
        assert [job["steps"][1]["fraction"] for job in moved] == [0.5, 0.5]
        assert [[job["state"] for job in end] for end in ends] == [["cancelled"], ["cancelled"]]


async def test_a_finished_job_is_told_once_and_the_stream_ends(postgres_url: str, redis_url: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage:
        await stage.cancel()

        told = [line async for line in lines(stage.second.url, stage.events_path, stage.headers)]

    assert [line.partition(":")[0] for line in told] == ["event", "id", "data", ""]
    assert told[0] == "event: job"
    assert told[1] == "id: 2"


async def test_silence_is_broken_by_heartbeats(postgres_url: str, redis_url: str) -> None:
    async with (
        a_stage(postgres_url, redis_url, heartbeat_s=0.2) as stage,
        aclosing(lines(stage.first.url, stage.events_path, stage.headers)) as said,
    ):
        hearts = 0
        async for line in said:
            hearts += line.startswith(":")
            if hearts == 3:
                break


async def test_clients_that_go_away_are_forgotten(postgres_url: str, redis_url: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage:
        watching = [events(stage.first, stage) for _ in range(20)]
        for one in watching:
            await anext(one)
        watched = stage.first.changes.listeners
        for one in watching:
            await one.aclose()
        await until(lambda: not stage.first.changes.listeners)

        assert watched == 20
        assert stage.first.changes._bells == {}


async def test_without_redis_other_replicas_are_followed_by_polling(postgres_url: str) -> None:
    async with (
        a_stage(postgres_url, "redis://127.0.0.1:1/0", poll_s=0.1) as stage,
        aclosing(events(stage.second, stage)) as there,
    ):
        await anext(there)
        await stage.progress(0.25)
        moved = await anext(there)
        await stage.cancel()
        last = [event async for event in there][-1]

        assert not stage.second.changes.reliable
        assert moved["steps"][1]["fraction"] == 0.25
        assert last["state"] == "cancelled"


async def test_a_lost_redis_connection_costs_no_change(postgres_url: str, redis_url: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage:
        await reliable(stage.first, stage.second)
        async with aclosing(events(stage.second, stage)) as there, Redis.from_url(redis_url) as redis:
            await anext(there)
            assert int(await redis.client_kill_filter(_type="pubsub")) >= 2
            await stage.progress(0.75)
            async with asyncio.timeout(10):
                moved = await anext(there)
            await reliable(stage.first, stage.second)
            await stage.cancel()
            last = [event async for event in there][-1]

        assert moved["steps"][1]["fraction"] == 0.75
        assert last["state"] == "cancelled"


async def test_a_replica_that_stops_ends_its_streams_at_once(postgres_url: str, redis_url: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage:
        leaving = build(stage.gateway.harness.service.settings)  # type: ignore[arg-type]
        async with asyncio.timeout(NEVER_S / 2), AsyncExitStack() as stack:  # sooner than the server would cut it off
            stack.push_async_callback(leaving.close)
            async with serving(leaving) as third:
                await reliable(third)
                watched = events(third, stage)
                await anext(watched)

        rest = [event async for event in watched]
        assert rest == []


@pytest.mark.parametrize("path", ["/v1/jobs/00000000-0000-7000-8000-000000000000/events"])
async def test_nobody_watches_what_is_not_there(postgres_url: str, redis_url: str, path: str) -> None:
    async with a_stage(postgres_url, redis_url) as stage, httpx.AsyncClient(base_url=stage.first.url) as client:
        assert (await client.get(path, headers=stage.headers)).status_code == 404
        assert (await client.get(stage.events_path)).status_code == 401
