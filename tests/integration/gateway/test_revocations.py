"""Ended sessions on a real Redis: listed there, believed while it is whole, and made good from PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete

from contracts import uuid7
from gateway.adapters.postgres.tables import revocations
from gateway.adapters.revocations import RedisRevocations
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A database of Redis for us alone, empty."""
    client = Redis.from_url(our_own(redis_url))
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def gateway(postgres_url: str, redis_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, redis_url=our_own(redis_url)) as running:
        yield running


def our_own(redis_url: str) -> str:
    return f"{redis_url.rpartition('/')[0]}/9" if redis_url.count("/") > 2 else f"{redis_url}/9"


def listed_by(gateway: Gateway) -> RedisRevocations:
    found = gateway.use_cases.accounts.recognize._revocations
    assert isinstance(found, RedisRevocations)
    return found


@asynccontextmanager
async def replica(gateway: Gateway, url: str) -> AsyncIterator[RedisRevocations]:
    other = RedisRevocations(gateway.harness.database, url)
    try:
        yield other
    finally:
        await other.close()


async def signed_in(gateway: Gateway) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers with a token, and the session it belongs to."""
    form = {"grant_type": "password", "username": "anna@example.org", "password": PASSWORD}
    grant = json_of(await gateway.anonymous().post("/v1/auth/token", data=form), 200)
    headers = {"Authorization": f"Bearer {grant['access_token']}"}
    sessions = json_of(await gateway.anonymous().get("/v1/me/sessions", headers=headers), 200)["items"]
    return headers, next(one for one in sessions if one["current"])


async def ended(gateway: Gateway) -> tuple[dict[str, str], dict[str, str], UUID]:
    """Headers of an ended session, of one that goes on, and the id of the ended one."""
    await gateway.user(await gateway.tenant("studio"), email="anna@example.org")
    old, session = await signed_in(gateway)
    new, _ = await signed_in(gateway)
    answer = await gateway.anonymous().delete(f"/v1/me/sessions/{session['id']}", headers=new)
    assert answer.status_code == 204
    return old, new, UUID(session["id"])


async def statuses(gateway: Gateway, *headers: dict[str, str]) -> list[int]:
    return [(await gateway.anonymous().get("/v1/me", headers=one)).status_code for one in headers]


async def test_redis_is_asked_at_every_request_while_it_is_believed(gateway: Gateway, redis: Redis) -> None:
    await listed_by(gateway).copy()
    old, new, session_id = await ended(gateway)
    async with gateway.harness.database.begin_untenanted() as connection:
        await connection.execute(delete(revocations))  # so that only Redis knows

    assert await statuses(gateway, old, new) == [401, 200]
    assert 0 < await redis.ttl(f"gateway.revoked:{session_id}") <= 960, "as long as its access tokens can live"


async def test_another_replica_refuses_at_once(gateway: Gateway, redis: Redis, redis_url: str) -> None:
    await listed_by(gateway).copy()
    async with replica(gateway, our_own(redis_url)) as other:
        await other.copy()

        _, _, session_id = await ended(gateway)

        assert await other.revoked(session_id)
        assert other.believed


async def test_a_flushed_redis_lets_no_ended_session_in_and_keeps_no_good_one_out(
    gateway: Gateway, redis: Redis
) -> None:
    await listed_by(gateway).copy()
    old, new, session_id = await ended(gateway)

    await redis.flushdb()
    flushed = await statuses(gateway, old, new)
    doubted = listed_by(gateway).believed
    await listed_by(gateway).copy()

    assert flushed == [401, 200]
    assert not doubted
    assert listed_by(gateway).believed
    assert await redis.exists(f"gateway.revoked:{session_id}")


async def test_while_redis_is_away_postgresql_is_asked(gateway: Gateway, redis: Redis) -> None:
    _, _, session_id = await ended(gateway)
    async with replica(gateway, AWAY) as cut_off:
        cut_off._believed = True  # it was there a moment ago

        answers = [await cut_off.revoked(session_id), await cut_off.revoked(uuid4())]

        assert answers == [True, False]
        assert not cut_off.believed


async def test_a_session_ended_while_redis_was_away_is_listed_when_it_is_back(gateway: Gateway, redis: Redis) -> None:
    mine = listed_by(gateway)
    await mine.copy()
    there = mine._redis
    mine._redis = Redis.from_url(AWAY)

    old, new, session_id = await ended(gateway)
    away = await statuses(gateway, old, new)
    await mine._redis.aclose()
    mine._redis = there
    await mine.copy()

    assert away == [401, 200]
    assert await redis.exists(f"gateway.revoked:{session_id}")
    assert await statuses(gateway, old, new) == [401, 200]


async def test_a_list_that_nobody_keeps_is_not_believed_for_long(gateway: Gateway, redis: Redis) -> None:
    await listed_by(gateway).copy()

    assert 0 < await redis.ttl("gateway.revoked") <= 30


async def test_what_is_in_doubt_during_a_copy_is_not_believed_after_it(
    gateway: Gateway, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = listed_by(gateway)
    write = RedisRevocations._write

    async def failed_meanwhile(self: RedisRevocations, listed: Any) -> None:
        await write(self, listed)
        self._disbelieve("a session that ended just now could not be written")

    with monkeypatch.context() as patch:
        patch.setattr(RedisRevocations, "_write", failed_meanwhile)
        await mine.copy()
    doubted = mine.believed
    await mine.copy()

    assert (doubted, mine.believed) == (False, True)


async def test_a_replica_keeps_the_list_up_by_itself(gateway: Gateway, redis: Redis, redis_url: str) -> None:
    _, _, session_id = await ended(gateway)
    other = RedisRevocations(gateway.harness.database, our_own(redis_url), copy_every_s=600)
    running = asyncio.create_task(other.run())
    try:
        await until_believed(other)
        await redis.flushdb()
        seen = [await other.revoked(session_id), await other.revoked(uuid7())]
        await until_believed(other)

        assert seen == [True, False]
        assert await redis.exists(f"gateway.revoked:{session_id}")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await other.close()


async def until_believed(replica: RedisRevocations) -> None:
    async with asyncio.timeout(30):
        while not replica.believed:  # noqa: ASYNC110 (nobody is told)
            await asyncio.sleep(0.02)
