"""Watching a whole tenant live: over HTTP, on several replicas, with a real Redis that comes and goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
import uvicorn
from sqlalchemy import delete

from chassis.run import Service
from contracts.steps import Step, StepProgressed
from gateway.adapters.changes import RedisChanges
from gateway.adapters.postgres.tables import jobs as job_rows
from gateway.api import UseCases
from gateway.domain.access import Caller, Role
from gateway.main import build
from gateway.usecases import watching
from matchcut.client import Credentials, LiveEvent, Matchcut, NotFound, Unauthorised
from support.gateway_rig import PASSWORD, Gateway, a_gateway, an_ingested, json_of

NEVER_S = 60.0
"""Longer than any of these tests: what arrives earlier did not wait for it."""
OWNER = "anna@example.org"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Replica:
    """One process's worth of gateway, on a port of its own."""

    url: str
    service: Service

    @property
    def use_cases(self) -> UseCases:
        """What its routes call."""
        found: UseCases = self.service.app.state.use_cases
        return found

    @property
    def changes(self) -> RedisChanges:
        """Its ear for what others say."""
        found: RedisChanges = self.service.background[0].__self__  # type: ignore[attr-defined]
        return found


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Replica]:
    server = uvicorn.Server(uvicorn.Config(service.app, port=0, log_config=None, lifespan="off"))
    replica = Replica("", service)
    background = asyncio.create_task(replica.changes.run())
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started and replica.changes.reliable)
        replica.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield replica
    finally:
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)
        server.should_exit = True
        await serving


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (what is waited for knows nothing of tests)
            await asyncio.sleep(0.01)


@dataclass
class Stage:
    """Two replicas on one database."""

    gateway: Gateway
    first: Replica
    second: Replica

    @asynccontextmanager
    async def a_third(self) -> AsyncIterator[Replica]:
        """A replica that was just started."""
        service = build(self.first.service.settings)  # type: ignore[arg-type]
        try:
            async with serving(service) as replica:
                yield replica
        finally:
            await service.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres_url: str, redis_url: str) -> AsyncIterator[Stage]:
    """Both for the whole module: each test has a tenant of its own. Nothing is polled within a test."""
    async with AsyncExitStack() as stack:
        settings: dict[str, Any] = {"redis_url": redis_url, "poll_s": NEVER_S, "heartbeat_s": NEVER_S}
        gateway = await stack.enter_async_context(a_gateway(postgres_url, **settings))
        other = build(gateway.harness.service.settings)  # type: ignore[arg-type]
        stack.push_async_callback(other.close)
        first = await stack.enter_async_context(serving(gateway.harness.service))
        yield Stage(gateway, first, await stack.enter_async_context(serving(other)))


@dataclass
class Told:
    """One event as it came over the wire."""

    event: str
    id: str
    data: dict[str, Any]


async def events(
    replica: Replica, client: httpx.AsyncClient, *, path: str = "/v1/events", last: str | None = None, **asked: str
) -> AsyncGenerator[Told, None]:
    headers = {"Authorization": client.headers["Authorization"]} | ({"Last-Event-ID": last} if last else {})
    async with (
        httpx.AsyncClient(base_url=replica.url, headers=headers, timeout=NEVER_S) as wire,
        wire.stream("GET", path, params=asked) as got,
    ):
        assert got.status_code == 200, (await got.aread()).decode()
        assert got.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in got.aiter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line and "data" in fields:
                yield Told(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = fields if line else {}


async def take(watching: AsyncGenerator[Told, None], count: int) -> list[Told]:
    async with asyncio.timeout(NEVER_S / 2):
        return [await anext(watching) for _ in range(count)]


async def test_what_happens_in_one_replica_is_told_by_all_of_them_at_once(stage: Stage) -> None:
    client = await stage.gateway.owner("all")
    video = await stage.gateway.ingested(client)

    async with aclosing(events(stage.first, client)) as here, aclosing(events(stage.second, client)) as there:
        ready = [*await take(here, 1), *await take(there, 1)]
        job = await stage.gateway.job(client, video["id"])
        told = [*await take(here, 1), *await take(there, 1)]

    assert [one.event for one in ready] == ["ready", "ready"]
    assert told[0] == told[1]
    assert (told[0].event, told[0].data["data"]["job_id"]) == ("job.requested", job["id"])


async def test_what_was_missed_is_told_by_another_replica_and_by_one_that_was_just_started(stage: Stage) -> None:
    client = await stage.gateway.owner("missed")
    video = await stage.gateway.ingested(client)
    async with aclosing(events(stage.first, client)) as watching:
        [ready] = await take(watching, 1)

    jobs = [(await stage.gateway.job(client, video["id"]))["id"] for _ in range(3)]
    async with aclosing(events(stage.second, client, last=ready.id)) as watching:
        elsewhere = await take(watching, 4)
    async with stage.a_third() as third, aclosing(events(third, client, last=elsewhere[1].id)) as watching:
        restarted = await take(watching, 3)

    assert [one.data["data"]["job_id"] for one in elsewhere[1:]] == jobs
    assert restarted[1:] == elsewhere[2:]


async def test_events_can_be_chosen_by_type_and_job(stage: Stage) -> None:
    client = await stage.gateway.owner("chosen")
    video = await stage.gateway.ingested(client)
    other, job = await stage.gateway.job(client, video["id"]), await stage.gateway.job(client, video["id"])
    for one in (other, job):
        json_of(await client.post(f"/v1/jobs/{one['id']}/cancel"), 202)

    asked = {"after": "0", "job_id": job["id"], "type": "job.cancelled"}
    async with aclosing(events(stage.first, client, **asked)) as watching:
        [_, told] = await take(watching, 2)

    assert (told.event, told.data["data"]["job_id"]) == ("job.cancelled", job["id"])


async def test_another_tenants_events_are_not_told(stage: Stage) -> None:
    client, stranger = await stage.gateway.owner("mine"), await stage.gateway.owner("not mine")
    video = await stage.gateway.ingested(client)
    their_video = await stage.gateway.ingested(stranger)

    async with aclosing(events(stage.second, stranger, after="0")) as watching:
        await stage.gateway.job(client, video["id"])
        job = await stage.gateway.job(stranger, their_video["id"])
        told = await take(watching, 3)

    assert [one.event for one in told] == ["ready", "video.ready", "job.requested"]
    assert told[2].data["data"]["job_id"] == job["id"]


async def connections(postgres_url: str, database: str) -> int:
    admin = await asyncpg.connect(postgres_url)
    count = await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", database)
    await admin.close()
    return int(count)


async def test_connections_to_postgresql_and_redis_do_not_grow_with_those_who_watch(
    stage: Stage, postgres_url: str
) -> None:
    client = await stage.gateway.owner("many")
    video = await stage.gateway.ingested(client)
    database = stage.second.service.settings.database_url.path.removeprefix("/")  # type: ignore[union-attr]
    watching = [events(stage.second, client, after="0") for _ in range(60)]

    async with AsyncExitStack() as stack:
        for one in watching:
            await stack.enter_async_context(aclosing(one))
        await asyncio.gather(*(take(one, 2) for one in watching))
        feeds, bells = stage.second.use_cases.live.feeds, stage.second.changes.listeners
        job = await stage.gateway.job(client, video["id"])
        told = await asyncio.gather(*(take(one, 1) for one in watching))
        open_now = await connections(postgres_url, database)

    assert {one.data["data"]["job_id"] for [one] in told} == {job["id"]}
    assert (feeds, bells) == (1, 1), "one feed, however many watch"
    assert open_now <= 2 * 15 + 1, "no more than the two replicas' pools"
    await until(lambda: stage.second.use_cases.live.feeds == 0)


async def test_a_lost_redis_connection_costs_no_event(stage: Stage, redis_url: str) -> None:
    from redis.asyncio import Redis

    client = await stage.gateway.owner("lost word")
    video = await stage.gateway.ingested(client)

    async with aclosing(events(stage.second, client)) as watching, Redis.from_url(redis_url) as redis:
        await take(watching, 1)
        assert int(await redis.client_kill_filter(_type="pubsub")) >= 2
        job = await stage.gateway.job(client, video["id"])
        [told] = await take(watching, 1)

    assert told.data["data"]["job_id"] == job["id"]
    await until(lambda: stage.first.changes.reliable and stage.second.changes.reliable)


async def test_a_replica_that_stops_ends_its_streams_at_once(stage: Stage) -> None:
    client = await stage.gateway.owner("stops")

    async with asyncio.timeout(NEVER_S / 2):
        async with stage.a_third() as third:
            watching = events(third, client)
            await take(watching, 1)
        rest = [one async for one in watching]

    assert rest == []


async def test_silence_is_broken_and_says_how_far_one_is(stage: Stage) -> None:
    client = await stage.gateway.owner("silence")
    await stage.gateway.ingested(client)
    quick = stage.first.use_cases.live
    quick._heartbeat_s = 0.1
    lines: list[str] = []
    try:
        headers = {"Authorization": client.headers["Authorization"]}
        async with (
            httpx.AsyncClient(base_url=stage.first.url, headers=headers) as wire,
            wire.stream("GET", "/v1/events", params={"after": "0", "type": "job.failed"}) as got,
        ):
            async for line in got.aiter_lines():
                lines.append(line)
                if lines.count(": nothing new") == 2:
                    break
    finally:
        quick._heartbeat_s = NEVER_S

    assert lines[:4] == ["retry: 2000", "event: ready", "id: 0", "data: {}"]
    assert "id: 1" in lines, "who is silent for long is not forgotten for it"


async def test_who_watches_one_job_goes_on_from_where_it_was(stage: Stage) -> None:
    client = await stage.gateway.owner("one job")
    video = await stage.gateway.ingested(client)
    job = await stage.gateway.job(client, video["id"])
    path = f"/v1/jobs/{job['id']}/events"
    async with aclosing(events(stage.first, client, path=path)) as watching:
        [now] = await take(watching, 1)

    async with aclosing(events(stage.second, client, path=path, last=now.id)) as watching:
        first = asyncio.ensure_future(anext(watching))
        await until(lambda: stage.second.changes.listeners == 1)
        fact = StepProgressed(video_id=UUID(video["id"]), step=Step.SCENES, run=1, fraction=0.5)
        await stage.gateway.hear(client, fact, subject=video["id"], job=job)
        moved = await first
    json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
    async with aclosing(events(stage.first, client, path=path, last=moved.id)) as watching:
        ended = [one async for one in watching]
    over = await client.get(path, headers={"Last-Event-ID": ended[-1].id})

    assert moved.data["steps"][1]["fraction"] == 0.5, "not told again what it knew"
    assert [one.data["state"] for one in ended] == ["cancelled"]
    assert (over.status_code, over.content) == (204, b""), "a browser comes back no more"


@pytest.mark.parametrize("lost", ["session", "key"])
async def test_who_may_not_watch_a_job_any_more_is_not_told_any_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(watching, "ASKED_EVERY_S", 0.0)
    client = await stage.gateway.owner(f"lost {lost}")
    video = await stage.gateway.ingested(client)
    job = await stage.gateway.job(client, video["id"])
    watcher, way_out = await with_a_key(stage, client) if lost == "key" else await with_a_session(stage, client)

    async with aclosing(events(stage.first, watcher, path=f"/v1/jobs/{job['id']}/events")) as stream:
        await take(stream, 1)
        assert (await client.delete(way_out)).status_code == 204
        fact = StepProgressed(video_id=UUID(video["id"]), step=Step.SCENES, run=1, fraction=0.5)
        await stage.gateway.hear(client, fact, subject=video["id"], job=job)
        async with asyncio.timeout(NEVER_S / 2):
            told = [one async for one in stream]

    assert told == []


async def with_a_key(stage: Stage, owner: httpx.AsyncClient) -> tuple[httpx.AsyncClient, str]:
    """A program of the same tenant, and what to delete to make it stop."""
    made = json_of(await owner.post("/v1/api-keys", json={"name": "watcher", "scopes": ["jobs:read"]}), 201)
    client = stage.gateway.anonymous()
    client.headers["Authorization"] = f"Bearer {made['secret']}"
    return client, f"/v1/api-keys/{made['api_key']['id']}"


async def with_a_session(stage: Stage, owner: httpx.AsyncClient) -> tuple[httpx.AsyncClient, str]:
    """The same user, signed in once more."""
    me = json_of(await owner.get("/v1/me"), 200)
    form = {"grant_type": "password", "username": me["email"], "password": PASSWORD}
    grant = json_of(await owner.post("/v1/auth/token", data=form), 200)
    client = stage.gateway.anonymous()
    client.headers["Authorization"] = f"Bearer {grant['access_token']}"
    sessions = json_of(await client.get("/v1/me/sessions"), 200)["items"]
    return client, f"/v1/me/sessions/{next(one['id'] for one in sessions if one['current'])}"


async def test_a_job_that_is_erased_with_its_tenant_is_watched_no_further(stage: Stage) -> None:
    client = await stage.gateway.owner("erased")
    me = json_of(await client.get("/v1/me"), 200)
    caller = Caller(UUID(me["id"]), UUID(me["tenant_id"]), Role.OWNER, None)
    job_id = UUID((await stage.gateway.job(client, (await stage.gateway.ingested(client))["id"]))["id"])
    jobs = stage.gateway.use_cases.jobs
    quick: dict[str, Any] = {"allowed": always, "heartbeat_s": 0.02, "poll_s": 0.02}

    async with asyncio.timeout(NEVER_S / 2), aclosing(jobs.watch(caller, job_id, **quick)) as stream:
        now = await anext(stream)
        async with stage.gateway.harness.database.begin(caller.tenant_id) as work:
            await work.connection.execute(delete(job_rows).where(job_rows.c.id == job_id))
        rest = [one async for one in stream]

    assert now is not None
    assert set(rest) <= {None}, "it ends, and is no error"


async def always() -> None:
    """Whoever asks may watch."""


async def test_the_client_goes_on_by_itself_wherever_it_is_cut_off(stage: Stage) -> None:
    anna = await stage.gateway.user(await stage.gateway.tenant("client"), Role.OWNER, OWNER)
    client = await stage.gateway.client(anna)
    video = await stage.gateway.video(client)
    heard: list[LiveEvent] = []

    def watch(url: str) -> None:
        with Matchcut(url, Credentials(OWNER, PASSWORD)) as matchcut:
            for event in matchcut.events(after="0"):
                heard.append(event)
                if event.type == "job.cancelled":
                    return

    async with asyncio.timeout(NEVER_S), a_way(stage) as way:
        watching = asyncio.create_task(asyncio.to_thread(watch, way.url))
        await stage.gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
        await until(lambda: len(heard) == 1)
        await way.cut()
        job = await stage.gateway.job(client, video["id"])
        await until(lambda: len(heard) == 2)
        await way.cut()
        json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
        await watching

    assert [event.type for event in heard] == ["video.ready", "job.requested", "job.cancelled"]
    assert [event.id for event in heard] == ["1", "2", "3"]
    assert heard[1].data["job_id"] == job["id"]
    assert way.connections >= 3


async def test_the_client_says_what_cannot_be_watched(stage: Stage) -> None:
    def watch() -> Iterator[None]:
        with Matchcut(stage.first.url, Credentials(token="mck_nothing"), patience_s=0) as matchcut:
            with pytest.raises(Unauthorised):
                next(matchcut.events())
            yield
        with Matchcut(stage.first.url, Credentials("nobody@example.org", "x"), patience_s=0) as matchcut:
            with pytest.raises((Unauthorised, NotFound)):
                next(matchcut.events(job_id=UUID(int=1)))
            yield

    assert len(await asyncio.to_thread(lambda: list(watch()))) == 2


@dataclass
class Way:
    """A way to a gateway that can be cut, and then leads to another replica."""

    url: str
    connections: int
    open: set[asyncio.StreamWriter]

    async def cut(self) -> None:
        """Hang up on everybody."""
        for writer in tuple(self.open):
            writer.transport.abort()


@asynccontextmanager
async def a_way(stage: Stage) -> AsyncIterator[Way]:
    way = Way("", 0, set())
    ports = [int(replica.url.rpartition(":")[2]) for replica in (stage.first, stage.second)]

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.connections += 1
        there, theirs = await asyncio.open_connection("127.0.0.1", ports[way.connections % 2])
        way.open.add(writer)
        await asyncio.gather(carry(reader, theirs), carry(there, writer))
        way.open.discard(writer)

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    way.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield way
    finally:
        await way.cut()
        server.close()
