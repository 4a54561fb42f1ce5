"""Rates on a real Redis: counted for users, keys and addresses, told in every answer, and no reason to fail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from gateway.adapters.rates import UNCOUNTED, RedisLimiter
from gateway.adapters.revocations import RedisRevocations
from gateway.adapters.trips import Trips, answer_of
from gateway.domain.access import Role
from gateway.domain.rates import Rate, RateClass, Rates
from support.cutting_proxy import cutting_proxy
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of

SMALL: dict[str, Any] = {
    "rate_reads": 5,
    "rate_writes": 3,
    "rate_uploads": 4,
    "rate_sign_in": 6,
    "rate_streams": 9,
    "max_streams": 2,
    "max_tenant_streams": 3,
}
FIELDS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")


def our_own(redis_url: str) -> str:
    return f"{redis_url.rpartition('/')[0]}/8" if redis_url.count("/") > 2 else f"{redis_url}/8"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A database of Redis for us alone, empty: nothing is counted yet."""
    client = Redis.from_url(our_own(redis_url))
    await client.flushdb()
    yield client
    await client.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres_url: str, redis_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, redis_url=our_own(redis_url), rate_address_factor=3, **SMALL) as running:
        yield running


@pytest.fixture
def gateway(shared: Gateway, redis: Redis) -> Gateway:
    """A gateway that has counted nothing yet."""
    return shared


def limiter_of(gateway: Gateway) -> RedisLimiter:
    assert isinstance(gateway.use_cases.limiter, RedisLimiter)
    return gateway.use_cases.limiter


async def somebody(gateway: Gateway) -> httpx.AsyncClient:
    return await gateway.owner(f"studio {uuid4()}")


async def test_past_its_rate_a_user_is_told_when_to_ask_again(gateway: Gateway) -> None:
    client = await somebody(gateway)

    answers = [await client.get("/v1/me") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    refused = json_of(answers[-1], 429)
    assert refused["type"] == "/problems/rate-limited"
    assert "5 requests a minute (reads) of yours" in refused["detail"]
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 12, "a fifth of a minute brings back one of five"
    assert int(answers[-1].headers["ratelimit-reset"]) >= int(answers[-1].headers["retry-after"])


async def test_every_answer_says_how_its_count_stands_whoever_gives_it(gateway: Gateway) -> None:
    client, nobody = await somebody(gateway), gateway.anonymous()

    answers = [
        await client.get("/v1/jobs"),
        await client.get(f"/v1/jobs/{uuid4()}"),
        await client.post("/v1/jobs", json={}),
        await client.post("/v1/scripts", content=b"x" * 9_000_000),
        await nobody.get("/v1/me"),
        await nobody.get("/nowhere"),
        await nobody.get("/docs"),
        await nobody.post("/v1/auth/token", data={"grant_type": "password"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 422, 413, 401, 404, 200, 400]
    for answer in answers:
        assert set(FIELDS) <= set(answer.headers), answer.url
        assert answer.headers["ratelimit-policy"] == f"{answer.headers['ratelimit-limit']};w=60"
    assert answers[0].headers["ratelimit-policy"] == "5;w=60"


async def test_what_nobody_expected_says_it_too(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await somebody(gateway)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("from inside")

    monkeypatch.setattr("gateway.usecases.jobs.Jobs.page", broken)
    answer = await client.get("/v1/jobs")

    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (500, "4")


async def test_classes_are_counted_apart(gateway: Gateway) -> None:
    client = await somebody(gateway)
    reads = [await client.get("/v1/me") for _ in range(6)]

    writes = [await client.post("/v1/scripts", json={"filename": "a", "text": "x"}) for _ in range(4)]
    uploads = [await client.post("/v1/uploads", json={"filename": "a.mp4"}) for _ in range(5)]

    assert [answer.status_code for answer in (reads[-1], writes[-2], writes[-1])] == [429, 201, 429]
    assert [answer.status_code for answer in uploads] == [201] * 4 + [429]


async def test_a_user_a_key_and_a_fellow_user_have_counts_of_their_own(gateway: Gateway) -> None:
    tenant = await gateway.tenant(f"studio {uuid4()}")
    owner = await gateway.user(tenant)
    one, other = await gateway.client(owner), await gateway.client(await gateway.user(tenant, Role.VIEWER))
    made = json_of(await one.post("/v1/api-keys", json={"name": "k", "scopes": ["me:read"]}), 201)
    key = gateway.anonymous()
    key.headers["Authorization"] = f"Bearer {made['secret']}"
    again = await gateway.client(owner)

    used_up = [(await one.get("/v1/me")).status_code for _ in range(6)][-1]
    others = [(await client.get("/v1/me")).status_code for client in (again, other, key)]

    assert (used_up, others) == (429, [429, 200, 200]), "another token of the same user is the same user"


async def test_an_address_has_a_multiple_of_what_one_user_has(gateway: Gateway) -> None:
    clients = [await somebody(gateway) for _ in range(4)]

    statuses = [(await client.get("/v1/me")).status_code for client in clients for _ in range(5)]
    refused = await gateway.anonymous().get("/v1/me")

    assert statuses == [200] * 15 + [429] * 5
    assert "from your address" in json_of(refused, 429)["detail"]


async def test_a_forged_token_uses_up_nobody_s_count_but_its_address_s(gateway: Gateway) -> None:
    client = await somebody(gateway)
    forger = gateway.anonymous()
    header, claims, _ = client.headers["authorization"].removeprefix("Bearer ").split(".")
    forger.headers["Authorization"] = f"Bearer {header}.{claims}.{'A' * 86}"

    forged = [(await forger.get("/v1/me")).status_code for _ in range(8)]
    real = [(await client.get("/v1/me")).status_code for _ in range(5)]

    assert (forged, real) == ([401] * 8, [200] * 5)


async def test_signing_in_is_bounded_by_address_and_refused_as_oauth_says(gateway: Gateway) -> None:
    nobody = gateway.anonymous()
    email = f"{uuid4()}@example.org"
    await gateway.user(await gateway.tenant(f"studio {uuid4()}"), email=email)
    form = {"grant_type": "password", "username": email, "password": PASSWORD}

    answers = [await nobody.post("/v1/auth/token", data=form) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert (answers[-1].json()["error"], answers[-1].headers["content-type"]) == ("invalid_grant", "application/json")
    assert answers[-1].json()["type"] == "/problems/rate-limited"


async def test_requests_at_once_cannot_share_the_last_place(gateway: Gateway) -> None:
    client = await somebody(gateway)

    answers = await asyncio.gather(*(client.get("/v1/me") for _ in range(14)))

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 9


async def test_a_request_costs_redis_one_round_trip(gateway: Gateway, redis: Redis) -> None:
    client = await somebody(gateway)
    await client.get("/v1/me")
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    total = (await redis.info("stats"))["total_commands_processed"]

    await client.get("/v1/me")

    after = await redis.info("commandstats")
    asked = (await redis.info("stats"))["total_commands_processed"] - total
    inside = 5  # TIME, and GET and SET for the user and the address, are called by the script
    assert after["cmdstat_evalsha"]["calls"] - before == 1
    assert asked - inside <= 4, "the script, and what this test asks"


async def test_a_request_is_counted_and_its_session_looked_up_on_one_trip(gateway: Gateway, redis: Redis) -> None:
    revocations = gateway.use_cases.accounts.revocations
    assert isinstance(revocations, RedisRevocations)
    client = await somebody(gateway)
    await revocations.copy()
    before = (await redis.info("commandstats"))["cmdstat_mget"]["calls"] if await redis.mget("a") else 0
    made = limiter_of(gateway)._trips.made

    answer = await client.get("/v1/me")

    assert answer.status_code == 200
    assert limiter_of(gateway)._trips.made - made == 1
    assert (await redis.info("commandstats"))["cmdstat_mget"]["calls"] - before == 1, "and it was looked up"
    assert revocations.believed


async def test_requests_at_once_share_their_trips_and_each_is_counted(gateway: Gateway, redis: Redis) -> None:
    client = await somebody(gateway)
    made = limiter_of(gateway)._trips.made

    answers = await asyncio.gather(*(client.get("/v1/me") for _ in range(5)))

    assert sorted(answer.headers["ratelimit-remaining"] for answer in answers) == ["0", "1", "2", "3", "4"]
    assert limiter_of(gateway)._trips.made - made < 5


async def test_an_answer_nobody_waits_for_any_more_holds_up_nobody(redis_url: str) -> None:
    trips = Trips(our_own(redis_url))
    given_up, wanted, wrong = trips.ask("PING"), trips.ask("ECHO", "x"), trips.ask("NOT-A-COMMAND")
    given_up.cancel()

    said = await answer_of(wanted)
    with pytest.raises(ResponseError):
        await answer_of(wrong)
    await trips.close()

    assert said == b"x"


async def test_a_place_for_a_stream_is_given_back_when_it_ends(gateway: Gateway, redis: Redis) -> None:
    limiter = limiter_of(gateway)
    who: dict[str, Any] = {"address": "192.0.2.1", "caller": "user:somebody"}

    first, second, third = [await limiter.admit(RateClass.STREAMS, **who) for _ in range(3)]
    await limiter.over(first)
    fourth = await limiter.admit(RateClass.STREAMS, **who)

    waits = [one.verdict.retry_after_s for one in (first, second, third, fourth) if one.verdict]
    assert [wait > 0 for wait in waits] == [False, False, True, False]
    assert third.verdict is not None
    assert "2 event streams of yours are open" in third.verdict.detail
    assert await redis.zcard("gateway.open:streams:user:somebody") == 2


async def test_a_stream_over_the_api_holds_a_place_while_it_is_open(gateway: Gateway, redis: Redis) -> None:
    client = await somebody(gateway)
    video = await gateway.ingested(client)
    await redis.flushdb()
    job = await gateway.job(client, video["id"])
    await client.post(f"/v1/jobs/{job['id']}/cancel")

    watched = [await client.get(f"/v1/jobs/{job['id']}/events") for _ in range(3)]

    assert [answer.status_code for answer in watched] == [200] * 3, "each had ended before the next began"
    assert [key async for key in redis.scan_iter("gateway.open:*")] == []


async def test_a_tenant_has_so_many_streams_whoever_opens_them(gateway: Gateway, redis: Redis) -> None:
    limiter, client, others = limiter_of(gateway), await somebody(gateway), await somebody(gateway)
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    path = f"/v1/jobs/{await a_job_that_is_over(gateway, client)}/events"
    elsewhere = f"/v1/jobs/{await a_job_that_is_over(gateway, others)}/events"
    await redis.flushdb()
    held = [await limiter.watch(tenant_id) for _ in range(3)]

    refused = [await client.get("/v1/events"), await client.get(path)]
    allowed = await others.get(elsewhere)
    await limiter.over(held[0])
    freed = [await client.get(path), await client.get(path)]

    for one in refused:
        assert "3 event streams of your tenant's are open" in json_of(one, 429)["detail"]
        assert json_of(one, 429)["type"] == "/problems/rate-limited"
        assert int(one.headers["retry-after"]) > 0
    assert [one.status_code for one in (allowed, *freed)] == [200] * 3
    assert await redis.zcard(f"gateway.open:streams:tenant:{tenant_id}") == 2, "each gave its place back"


async def a_job_that_is_over(gateway: Gateway, client: httpx.AsyncClient) -> str:
    job = await gateway.job(client, (await gateway.ingested(client))["id"])
    await client.post(f"/v1/jobs/{job['id']}/cancel")
    return str(job["id"])


async def test_places_that_a_dead_replica_held_become_free(gateway: Gateway, redis: Redis, redis_url: str) -> None:
    trips = Trips(our_own(redis_url))
    brief = RedisLimiter(trips, Rates({RateClass.STREAMS: Rate(9, 1)}, 1), hold_s=0.05)
    who: dict[str, Any] = {"address": "192.0.2.2", "caller": None}

    held = await brief.admit(RateClass.STREAMS, **who)
    refused = await brief.admit(RateClass.STREAMS, **who)
    async with asyncio.timeout(10):
        while await redis.exists("gateway.open:streams:address:192.0.2.2"):  # noqa: ASYNC110 (Redis tells nobody)
            await asyncio.sleep(0.01)
    admitted = await brief.admit(RateClass.STREAMS, **who)
    await brief.still_here(held)
    await trips.close()

    assert refused.verdict is not None
    assert admitted.verdict is not None
    assert (refused.verdict.retry_after_s > 0, admitted.verdict.retry_after_s) == (True, 0)
    assert await redis.zcard("gateway.open:streams:address:192.0.2.2") == 2, "who is still there says so, and counts"


async def test_while_redis_is_away_everybody_is_let_in_and_it_is_counted_how_often(
    postgres_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        cutting_proxy(our_own(redis_url)) as proxy,
        a_gateway(postgres_url, redis_url=proxy.url, rate_address_factor=3, **SMALL) as gateway,
    ):
        client = await somebody(gateway)
        counted = await client.get("/v1/me")
        proxy.shut()
        before = UNCOUNTED._value.get()

        answers = [await client.get("/v1/me") for _ in range(8)]
        uncounted = UNCOUNTED._value.get() - before
        proxy.reopen()
        limiter_of(gateway)._not_before = 0.0
        back = await client.get("/v1/me")

    assert "ratelimit-limit" in counted.headers
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit-limit" in answer.headers for answer in answers)
    assert uncounted == 8
    assert "everybody is let in" in caplog.text
    assert back.headers["ratelimit-remaining"] == "3"


async def test_a_flushed_redis_forgets_counts_and_nothing_else(gateway: Gateway, redis: Redis) -> None:
    client = await somebody(gateway)
    used_up = [(await client.get("/v1/me")).status_code for _ in range(6)][-1]

    await redis.script_flush()
    await redis.flushdb()
    again = await client.get("/v1/me")

    assert (used_up, again.status_code, again.headers["ratelimit-remaining"]) == (429, 200, "4")
