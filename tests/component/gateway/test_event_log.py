"""The log of events: in an order that whoever comes back can go on from, on a real PostgreSQL."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.database import UnitOfWork
from contracts.steps import Step, StepProgressed
from contracts.vision import ScenesDetected
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Caller, Role
from gateway.domain.notices import EventType, Notice
from gateway.domain.refusals import Unauthenticated
from gateway.ports.events import Extent, LoggedEvent
from gateway.usecases import live, watching
from gateway.usecases.live import Beat, Live, Opened, Reset, Said, Told, Wanted
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for the whole module: each test has a tenant of its own. Nobody passes words on: it is polled."""
    async with a_gateway(postgres_url, poll_s=0.02, heartbeat_s=0.2) as running:
        yield running


def somebody() -> Caller:
    return Caller(uuid4(), uuid4(), Role.OWNER)


async def add(work: UnitOfWork, name: str, **about: Any) -> None:
    notice = Notice(EventType.JOB_PROGRESSED, {"name": name, **about})
    await PostgresRecords(work.connection).events.add([notice], now=NOW)


async def log(gateway: Gateway, tenant_id: UUID, *names: str) -> None:
    async with gateway.harness.database.begin(tenant_id) as work:
        for name in names:
            await add(work, name)


async def number(gateway: Gateway, tenant_id: UUID) -> int:
    async with gateway.harness.database.begin(tenant_id) as work:
        return await PostgresRecords(work.connection).events.number()


async def after(gateway: Gateway, tenant_id: UUID, position: int) -> list[tuple[int, str]]:
    async with gateway.harness.database.read(tenant_id) as connection:
        found = await PostgresRecords(connection).events.after(position, limit=1000)
    return [(event.position, name_of(event)) for event in found]


def name_of(event: LoggedEvent) -> str:
    return str(json.loads(event.body)["data"].get("name"))


async def test_an_event_that_is_committed_late_comes_behind_those_that_were_told_before_it(gateway: Gateway) -> None:
    tenant_id = uuid4()

    async with gateway.harness.database.begin(tenant_id) as slow:
        await add(slow, "begun first")
        await log(gateway, tenant_id, "committed first")
        await number(gateway, tenant_id)
        told = await after(gateway, tenant_id, 0)
    await number(gateway, tenant_id)

    assert told == [(1, "committed first")]
    assert await after(gateway, tenant_id, 1) == [(2, "begun first")]


async def test_who_follows_while_many_write_is_told_everything_once_and_in_order(gateway: Gateway) -> None:
    tenant_id, rng = uuid4(), random.Random(3)
    told: list[tuple[int, str]] = []
    names = [f"{writer}-{n}" for writer in range(4) for n in range(15)]

    async def write(writer: int) -> None:
        for n in range(15):
            async with gateway.harness.database.begin(tenant_id) as work:
                await add(work, f"{writer}-{n}")
                await asyncio.sleep(rng.random() * 0.01)

    async def follow() -> None:
        while len(told) < len(names):
            await number(gateway, tenant_id)
            told.extend(await after(gateway, tenant_id, told[-1][0] if told else 0))

    async with asyncio.timeout(60):
        await asyncio.gather(follow(), number(gateway, tenant_id), *(write(writer) for writer in range(4)))

    assert sorted(name for _, name in told) == sorted(names)
    assert [position for position, _ in told] == list(range(1, len(names) + 1))
    for writer in range(4):
        mine = [name for _, name in told if name.startswith(f"{writer}-")]
        assert mine == [f"{writer}-{n}" for n in range(15)], "what one did after the other is told so"


async def test_what_did_not_happen_is_not_told(gateway: Gateway) -> None:
    tenant_id = uuid4()

    async def fail() -> None:
        async with gateway.harness.database.begin(tenant_id) as work:
            await add(work, "rolled back")
            await work.connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(Exception, match="division by zero"):
        await fail()
    await log(gateway, tenant_id, "happened")
    await number(gateway, tenant_id)

    assert await after(gateway, tenant_id, 0) == [(1, "happened")]


async def test_places_are_each_tenants_own(gateway: Gateway) -> None:
    one, other = uuid4(), uuid4()

    await log(gateway, one, "a", "b")
    await log(gateway, other, "c")

    assert await number(gateway, one) == 2
    assert await after(gateway, other, 0) == [], "not numbered yet, by the other tenant"
    assert await number(gateway, other) == 1
    assert await after(gateway, other, 0) == [(1, "c")]


async def forget(gateway: Gateway, tenant_id: UUID, *, older_than_s: float = 3600, beyond: int = 1000) -> int:
    async with gateway.harness.database.begin(tenant_id) as work:
        events = PostgresRecords(work.connection).events
        return await events.forget_old(older_than_s=older_than_s, beyond=beyond, limit=100)


async def test_old_events_and_those_beyond_the_bound_are_forgotten_and_that_is_known(gateway: Gateway) -> None:
    tenant_id = uuid4()
    await log(gateway, tenant_id, *"abcdef")

    beyond = await forget(gateway, tenant_id, beyond=4)
    async with gateway.harness.database.begin(tenant_id) as work:
        await work.connection.execute(text("UPDATE events SET created_at = created_at - interval '2 hours'"))
        await add(work, "new")
    old = await forget(gateway, tenant_id)

    assert (beyond, old) == (2, 4)
    assert await after(gateway, tenant_id, 0) == [(7, "new")]
    async with gateway.harness.database.read(tenant_id) as connection:
        assert await PostgresRecords(connection).events.extent() == Extent(forgotten=6, last=7)


def a_live(gateway: Gateway) -> Live:
    """That of another replica."""
    database, changes = gateway.harness.database, gateway.use_cases.live._changes
    return Live(database, PostgresRecords, changes, heartbeat_s=0.2, poll_s=0.02)


async def allowed() -> None:
    """Everybody may."""


async def watch(
    replica: Live, caller: Caller, *, count: int, after: int | None = None, wanted: Wanted | None = None
) -> list[Said]:
    """The first things somebody is told, without heartbeats."""
    heard: list[Said] = []
    watching = replica.watch(caller, after=after, wanted=wanted or Wanted(), allowed=allowed)
    async with asyncio.timeout(30), aclosing(watching):
        async for said in watching:
            if not isinstance(said, Beat):
                heard.append(said)
            if len(heard) == count:
                break
    return heard


def told(heard: Sequence[Said]) -> list[tuple[int, str]]:
    return [(said.event.position, name_of(said.event)) for said in heard if isinstance(said, Told)]


async def test_who_comes_back_is_told_what_it_missed_by_any_replica(gateway: Gateway) -> None:
    caller = somebody()
    await log(gateway, caller.tenant_id, "a", "b")
    before = await watch(a_live(gateway), caller, count=2, after=0)
    await log(gateway, caller.tenant_id, "missed 1", "missed 2")

    back = await watch(a_live(gateway), caller, count=3, after=1)

    assert [type(said) for said in before] == [Opened, Told]
    assert (back[0], told(back)) == (Opened(1), [(2, "b"), (3, "missed 1")])


async def test_who_comes_for_the_first_time_is_told_what_happens_from_then_on(gateway: Gateway) -> None:
    caller, replica = somebody(), a_live(gateway)
    await log(gateway, caller.tenant_id, "before")

    async def later() -> None:
        while not replica.feeds:  # noqa: ASYNC110 (nobody tells when somebody watches)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await log(gateway, caller.tenant_id, "after")

    heard, _ = await asyncio.gather(watch(replica, caller, count=2), later())

    assert (heard[0], told(heard)) == (Opened(1), [(2, "after")])
    assert replica.feeds == 0, "nobody watches any more"


async def test_who_was_away_for_too_long_or_knows_another_log_is_told_to_begin_anew(gateway: Gateway) -> None:
    caller = somebody()
    await log(gateway, caller.tenant_id, *"abcdef")
    await forget(gateway, caller.tenant_id, beyond=2)

    too_old = await watch(a_live(gateway), caller, count=1, after=3)
    just_kept = await watch(a_live(gateway), caller, count=3, after=4)
    from_the_future = await watch(a_live(gateway), caller, count=1, after=99)

    assert (too_old, from_the_future) == ([Reset(6)], [Reset(6)])
    assert told(just_kept) == [(5, "e"), (6, "f")]


async def test_who_is_slow_reads_from_the_log_what_is_not_in_memory_any_more(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_IN_MEMORY", 10)
    monkeypatch.setattr(live, "_PAGE", 7)
    caller, replica, heard = somebody(), a_live(gateway), list[Said]()
    watching = replica.watch(caller, after=None, wanted=Wanted(), allowed=allowed)

    async with asyncio.timeout(30), aclosing(watching):
        heard.append(await anext(watching))
        await log(gateway, caller.tenant_id, *map(str, range(50)))  # and we do not look meanwhile
        [feed] = replica._feeds.values()
        while feed.last < 50:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)
        in_memory = len(feed.events)
        while len(told(heard)) < 50:
            heard.append(await anext(watching))

    assert in_memory == 10
    assert told(heard) == [(n + 1, str(n)) for n in range(50)]


async def test_who_is_so_slow_that_it_is_forgotten_is_told_so(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_IN_MEMORY", 5)
    caller, replica = somebody(), a_live(gateway)
    watching = replica.watch(caller, after=None, wanted=Wanted(), allowed=allowed)

    async with asyncio.timeout(30), aclosing(watching):
        await anext(watching)
        await log(gateway, caller.tenant_id, *map(str, range(20)))
        [feed] = replica._feeds.values()
        while feed.last < 20:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)
        await forget(gateway, caller.tenant_id, beyond=3)
        heard = await anext(watching)

    assert heard == Reset(20)


async def test_one_may_ask_for_some_events_only_and_still_knows_how_far_one_is(gateway: Gateway) -> None:
    caller, job_id, video_id = somebody(), uuid4(), uuid4()
    async with gateway.harness.database.begin(caller.tenant_id) as work:
        await add(work, "job", job_id=str(job_id), video_id=str(video_id))
        await add(work, "video", video_id=str(video_id))
        await add(work, "other", job_id=str(uuid4()))

    of_job = await watch(a_live(gateway), caller, count=2, after=0, wanted=Wanted(job_id=job_id))
    of_video = await watch(a_live(gateway), caller, count=3, after=0, wanted=Wanted(video_id=video_id))
    of_type = Wanted(frozenset({EventType.JOB_FAILED}))
    watching = a_live(gateway).watch(caller, after=0, wanted=of_type, allowed=allowed)
    async with asyncio.timeout(30), aclosing(watching):
        silence = [await anext(watching), await anext(watching)]

    assert told(of_job) == [(1, "job")]
    assert told(of_video) == [(1, "job"), (2, "video")]
    assert silence == [Opened(0), Beat(3)]


async def test_who_may_not_watch_any_more_is_not_told_any_more(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ASKED_EVERY_S", 0.0)
    answers: list[Exception | None] = [None, ConnectionError("away"), Unauthenticated("this session was ended")]

    async def asked() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    stream = a_live(gateway).watch(somebody(), after=None, wanted=Wanted(), allowed=asked)
    async with asyncio.timeout(30):
        heard = [said async for said in stream]

    assert [type(said) for said in heard] == [Opened, Beat, Beat]
    assert answers == []


async def test_a_log_that_cannot_be_read_is_an_error_and_not_a_stream_without_events(gateway: Gateway) -> None:
    replica = a_live(gateway)
    replica._records_on = broken  # type: ignore[assignment] # what a server that is away does

    with pytest.raises(ConnectionError):
        await anext(replica.watch(somebody(), after=None, wanted=Wanted(), allowed=allowed))

    assert replica.feeds == 0


def broken(_connection: object) -> None:
    raise ConnectionError("PostgreSQL is away")


async def logged(gateway: Gateway, client: httpx.AsyncClient) -> list[dict[str, Any]]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    await number(gateway, tenant_id)
    async with gateway.harness.database.read(tenant_id) as connection:
        found = await PostgresRecords(connection).events.after(0, limit=1000)
    return [json.loads(event.body) for event in found]


async def test_a_job_is_logged_from_its_request_to_its_end_with_each_per_cent(gateway: Gateway) -> None:
    client = await gateway.owner("a job")
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], passthrough="order-4711")

    async def hear(fact: Any) -> None:
        await gateway.hear(client, fact, subject=video["id"], job=job)

    for fraction in (0.1, 0.101, 0.2):
        await hear(StepProgressed(video_id=UUID(video["id"]), step=Step.SCENES, run=1, fraction=fraction))
    await hear(
        ScenesDetected(video_id=UUID(video["id"]), run=1, key="derived/t/s.json", scenes=1, engine="e", seconds=1)
    )

    events = await logged(gateway, client)

    progressed = [event["data"]["fraction"] for event in events if event["type"] == "job.progressed"]
    assert [event["type"] for event in events if event["type"] != "job.progressed"] == [
        *("video.ready", "job.requested", "job.finished")
    ]
    assert len(progressed) == 2, "a change nobody could see is not told"
    assert progressed == sorted(progressed)
    assert {event["data"].get("passthrough") for event in events[1:]} == {"order-4711"}


async def test_an_erased_video_leaves_nothing_in_the_log_but_that_it_was_erased(gateway: Gateway) -> None:
    client = await gateway.owner("erased")
    video = await gateway.ingested(client)
    await gateway.job(client, video["id"], passthrough="a secret of the customer")

    json_of(await client.delete(f"/v1/videos/{video['id']}"), 202)

    events = await logged(gateway, client)
    assert [event["type"] for event in events] == ["job.cancelled", "video.erased"]
    assert "secret" not in str(events)


@pytest.mark.parametrize("name", ["last-event-id", "after"])
@pytest.mark.parametrize("place", ["x", "-1", "1.5", "9" * 19, ""])
async def test_a_place_that_is_none_of_ours_is_a_problem(gateway: Gateway, name: str, place: str) -> None:
    client = await gateway.owner(f"places {name} {place}")
    asked: dict[str, Any] = {"headers": {name: place}} if name == "last-event-id" else {"params": {name: place}}

    answer = await client.get("/v1/events", **asked)

    assert json_of(answer, 422)["errors"]


async def test_nobody_filters_by_what_is_not_there(gateway: Gateway) -> None:
    client = await gateway.owner("filters")

    assert (await client.get("/v1/events", params={"job_id": str(uuid4())})).status_code == 404
    assert (await client.get("/v1/events", params={"video_id": str(uuid4())})).status_code == 404
    assert (await client.get("/v1/events", params={"type": "job.vanished"})).status_code == 422
