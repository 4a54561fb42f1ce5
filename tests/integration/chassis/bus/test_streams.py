"""What is kept of a stream and for how long, by whose clock, and what is measured of it."""

import asyncio
import struct
import time
from typing import Any

import pytest
from faststream.redis import RedisBroker, StreamSub
from prometheus_client import REGISTRY

from chassis.bus._delivery import Deliveries
from chassis.bus._keeper import Keeper
from support.bus_looking import all_noted, an_event, in_hand, letters, noted, pending, put, reading
from support.chassis_running import Toy, until
from support.chassis_toy import Noted, Poked
from support.stream_dumps import redelivered_at

pytestmark = pytest.mark.servers
DELAYED = f"{{{Poked.stream}}}:toy:delayed"


async def test_a_stream_is_trimmed_only_behind_the_slowest_group(toy: Toy) -> None:
    toy.service.bus.keep_s, toy.service.bus.tidy_s = 0, 0.1
    await toy.redis.xgroup_create(Poked.stream, "slow", id="0", mkstream=True)
    ids = await put(toy, "0", "1", "2", "3")
    ((_, entries),) = await toy.redis.xreadgroup("slow", "someone", {Poked.stream: ">"}, count=2)
    await toy.redis.xack(Poked.stream, "slow", entries[0][0])

    async with reading(toy):
        await all_noted(toy, 4)
        await until(lambda: first_is(toy, ids[1]))
        await asyncio.sleep(0.5)

    assert [entry_id.decode() for entry_id, _ in await toy.redis.xrange(Poked.stream)] == ids[1:]


async def first_is(toy: Toy, entry_id: str) -> bool:
    return bool((await toy.redis.xrange(Poked.stream, count=1))[0][0].decode() == entry_id)


async def test_nothing_is_trimmed_before_its_time_though_all_have_settled_it(toy: Toy) -> None:
    toy.service.bus.keep_s, toy.service.bus.tidy_s = 3600, 0.1
    await put(toy, "0", "1")

    async with reading(toy):
        await all_noted(toy, 2)
        await asyncio.sleep(0.5)

    assert await toy.redis.xlen(Poked.stream) == 2


async def test_our_own_clock_decides_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.service.bus.keep_s, toy.service.bus.tidy_s = 3600, 0.1
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 30 * 86_400)
    kept = await put(toy, "stumble 2", "kept")

    async with reading(toy):
        await all_noted(toy, 2)
        monkeypatch.setattr(time, "time", lambda: real() - 30 * 86_400)
        kept += await put(toy, "stumble 2", "kept too")
        await all_noted(toy, 4)
        await asyncio.sleep(0.3)

    there = {entry_id.decode() for entry_id, _ in await toy.redis.xrange(Poked.stream)}
    assert set(kept) < there


async def test_a_retry_scheduled_before_the_clock_was_set_back_comes_all_the_same(toy: Toy) -> None:
    toy.service.bus.base_s = 1000
    await put(toy, "stumble 1")
    async with reading(toy):
        await until(lambda: waits(toy))
        await toy.redis.zincrby(DELAYED, 3_600_000, (await toy.redis.zrange(DELAYED, 0, 0))[0])  # an hour ahead

        await all_noted(toy, 1)


async def waits(toy: Toy) -> bool:
    return bool(await toy.redis.zcard(DELAYED))


async def test_an_entry_delivered_before_the_clock_was_set_back_is_not_stranded(toy: Toy) -> None:
    toy.service.bus.lease_s = 0.5
    await toy.service.bus.ensure_groups()
    await put(toy, "stranded")
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)
    await redelivered_at(toy.redis, Poked.stream, int(time.time() * 1000) + 3_600_000)  # as if the clock had been ahead
    keeper = a_keeper(toy)
    await keeper.reap()
    assert await in_hand(toy, 1)

    keeper._clock += 3600
    await keeper.reap()
    await asyncio.sleep(0.6)
    await keeper.reap()

    assert await pending(toy) == 0


async def test_a_lease_is_not_lost_because_the_clock_was_set_forward(toy: Toy) -> None:
    toy.service.bus.lease_s = 30
    await toy.service.bus.ensure_groups()
    await put(toy, "in good hands")
    await toy.redis.xreadgroup("toy", "a-live-consumer", {Poked.stream: ">"}, count=1)
    keeper = a_keeper(toy)
    await keeper.reap()
    await redelivered_at(toy.redis, Poked.stream, int(time.time() * 1000) - 3_600_000)

    keeper._clock -= 3600
    await keeper.reap()
    await keeper.reap()

    (held,) = await toy.redis.xpending_range(Poked.stream, "toy", "-", "+", 10)
    assert held["consumer"] == b"a-live-consumer"
    assert held["time_since_delivered"] < 30_000


async def test_a_clock_that_slips_by_less_than_a_second_changes_nothing(toy: Toy) -> None:
    toy.service.bus.lease_s = 30
    await toy.service.bus.ensure_groups()
    await put(toy, "x")
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)
    keeper = a_keeper(toy)
    await keeper.reap()
    await redelivered_at(toy.redis, Poked.stream, int(time.time() * 1000) - 60_000)

    keeper._clock -= 0.5
    await keeper.reap()

    assert await pending(toy) == 0  # its lease had run out, and that counted


def a_keeper(toy: Toy) -> Any:
    bus = toy.service.bus
    deliveries = Deliveries(bus.redis, service="toy", consumer="x", tries=3, base_s=0.1, gives_up_on={})
    return Keeper(
        bus.redis,
        deliveries,
        service="toy",
        streams=[Poked.stream],
        lease_s=bus.lease_s,
        keep_s=3600,
        tidy_s=3600,
    )


async def test_what_an_operator_asks_at_night_is_measured(toy: Toy) -> None:
    toy.service.bus.tries, toy.service.bus.base_s = 2, 1000
    _, second, *_ = await put(toy, "hopeless", "stumble 2", "dawdle 60", "dawdle 61", "dawdle 62")
    async with reading(toy):
        await until(lambda: gauge(toy, "chassis_dead_letters", 1))
        await until(lambda: gauge(toy, "chassis_facts_delayed", 1))
        await until(lambda: gauge(toy, "chassis_group_pending", 3))
        await toy.redis.xdel(Poked.stream, second)
        await toy.redis.execute_command("XGROUP", "SETID", Poked.stream, "toy", "0")  # now Redis does not know the lag

    await a_keeper(toy).measure()
    assert (await toy.redis.xinfo_groups(Poked.stream))[0]["lag"] is None
    assert value("chassis_group_lag") == await toy.redis.xlen(Poked.stream)
    assert (value("chassis_facts_handed_back_total") or 0) >= 3


async def test_a_retry_that_nobody_puts_back_is_seen(toy: Toy) -> None:
    await toy.service.bus.ensure_groups()
    seconds, _ = await toy.redis.time()
    await toy.redis.zadd(DELAYED, {b"x": (seconds - 100) * 1000})
    await put(toy, "unread")
    await toy.redis.xreadgroup("toy", "someone", {Poked.stream: ">"}, count=1)

    await a_keeper(toy).measure()

    assert 99 <= (value("chassis_facts_delayed_overdue_seconds") or 0) < 300
    pending_s = value("chassis_group_oldest_pending_seconds")
    assert pending_s is not None, "nobody measured it"
    assert 0 <= pending_s < 60


async def gauge(toy: Toy, name: str, expected: float) -> bool:
    await a_keeper(toy).measure()
    return value(name) == expected


def value(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"stream": Poked.stream})


async def test_any_faststream_program_hears_what_we_announce(toy: Toy) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    broker = RedisBroker(str(toy.settings.redis_url))
    stream = StreamSub(Noted.stream, group="elsewhere", consumer="x", last_id="0", max_records=1)

    @broker.subscriber(stream=stream)
    async def on_noted(body: dict[str, Any]) -> None:
        heard.put_nowait(body)

    async with toy.running():
        await toy.announce(Poked(note="hello"))
        await all_noted(toy, 1)
        await until(lambda: toy.redis.exists(Noted.stream))
        await broker.start()
        async with asyncio.timeout(10):
            body = await heard.get()
        await broker.stop()

    assert body["data"] == {"note": "hello"}
    assert body["type"] == Noted.stream


async def test_we_hear_what_any_faststream_program_publishes(toy: Toy) -> None:
    async with reading(toy), RedisBroker(str(toy.settings.redis_url)) as broker:
        await broker.publish(an_event("from elsewhere").model_dump(mode="json"), stream=Poked.stream)
        await until(lambda: noted(toy, 1))

    assert await letters(toy) == []


def test_the_checksum_of_a_dump_is_redis_own() -> None:
    from support.stream_dumps import crc64

    assert crc64(b"123456789") == 0xE9C6D914C4B8D9CA
    assert struct.pack("<Q", crc64(b"")) == bytes(8)
