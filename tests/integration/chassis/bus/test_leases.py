"""Who holds an entry, for how long, and how it gets back to the others."""

import signal

import pytest

import chassis.bus._keeper
from support.bus_looking import (
    a_replica,
    all_noted,
    begun,
    has_letters,
    in_hand,
    letters,
    noted,
    nothing_in_hand,
    pending,
    put,
    reading,
)
from support.chassis_running import Toy, until
from support.chassis_toy import Poked

pytestmark = pytest.mark.servers


async def test_what_a_silent_consumer_holds_is_handled_by_another(toy: Toy) -> None:
    await toy.service.bus.ensure_groups()
    await put(toy, "stranded")
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)

    async with reading(toy):
        await all_noted(toy, 1)


async def test_a_killed_process_burns_a_try_of_what_it_had_begun_and_of_nothing_else(toy: Toy) -> None:
    _, begun, waiting = await put(toy, "stumble 1", "dawdle 60", "it waits")  # the first has them handled one by one
    process = await toy.process("serve", TOY_LEASE_S="60")
    await until(lambda: counted(toy, {begun: 1, waiting: 2}), timeout_s=60)
    process.kill()
    await process.wait()

    toy.service.bus.lease_s = 0.2
    async with reading(toy):
        await until(lambda: attempts(toy, {b"dawdle 60": b"2", b"it waits": b"1"}))


async def counted(toy: Toy, expected: dict[str, int]) -> bool:
    if not await pending(toy):
        return False
    held = await toy.redis.xpending_range(Poked.stream, "toy", "-", "+", 10)
    found = {item["message_id"].decode(): item["times_delivered"] for item in held}
    return {entry_id: found.get(entry_id) for entry_id in expected} == expected


async def attempts(toy: Toy, expected: dict[bytes, bytes]) -> bool:
    entries = [fields for _, fields in await toy.redis.xrange(Poked.stream) if b"attempt" in fields]
    found = {word: e[b"attempt"] for e in entries for word in expected if word in e[b"__data__"]}
    return found == expected


async def test_a_handler_longer_than_its_lease_runs_once(toy: Toy) -> None:
    toy.service.bus.lease_s = 0.6
    await put(toy, "dawdle 2.5")

    async with reading(toy), a_replica(toy) as other:
        other.service.bus.lease_s = 0.6
        await all_noted(toy, 1)

    assert await toy.redis.xlen(Poked.stream) == 1  # nobody put it back
    assert await letters(toy) == []


async def test_what_waits_behind_a_long_handler_keeps_its_lease(toy: Toy) -> None:
    toy.service.bus.lease_s = 0.6
    await put(toy, "stumble 1", "dawdle 1.5", "behind")  # the first makes them be handled one by one

    async with reading(toy), a_replica(toy):
        await all_noted(toy, 3)

    assert await letters(toy) == []


async def test_a_handler_that_blocks_its_process_past_the_lease_has_its_effect_once(toy: Toy) -> None:
    await put(toy, "block 2.5")

    async with a_replica(toy):
        process = await toy.process("serve", TOY_LEASE_S="0.5")
        await all_noted(toy, 1)
        process.terminate()
        await process.wait()

    assert await toy.notes() == ["block 2.5"]


async def test_a_prefetched_entry_that_another_took_meanwhile_is_dropped(toy: Toy) -> None:
    toy.service.bus.lease_s = 60
    await put(toy, "stumble 1", "dawdle 1", "taken")
    async with reading(toy):
        await until(lambda: in_hand(toy, 3))
        taken = (await toy.redis.xrange(Poked.stream))[2][0]
        await toy.redis.xclaim(Poked.stream, "toy", "another", 0, [taken])
        await until(lambda: noted(toy, 2))
        await until(lambda: in_hand(toy, 1))

    held = await toy.redis.xpending_range(Poked.stream, "toy", "-", "+", 10)
    assert [item["consumer"] for item in held] == [b"another"]
    assert "taken" not in await toy.notes()


async def test_a_slow_handler_does_not_keep_what_it_prefetched_from_others(toy: Toy) -> None:
    toy.service.bus.lease_s = 60
    await put(toy, "stumble 1", *(f"dawdle 0.5{number}" for number in range(9)))

    async with reading(toy):
        await until(lambda: in_hand(toy, 10))
        async with a_replica(toy) as other:
            other.service.bus.lease_s = 60
            await until(lambda: reads_too(toy, other))
            await all_noted(toy, 10)

    assert await letters(toy) == []


async def reads_too(toy: Toy, other: Toy) -> bool:
    held = await toy.redis.xpending_range(Poked.stream, "toy", "-", "+", 20)
    return other.service.bus.consumer.encode() in {item["consumer"] for item in held}


async def test_a_stopped_service_hands_back_what_it_holds_without_burning_a_try(toy: Toy) -> None:
    await put(toy, "dawdle 60", "behind it")
    async with reading(toy):
        await until(lambda: in_hand(toy, 2))

    entries = [fields for _, fields in await toy.redis.xrange(Poked.stream)][2:]
    assert await pending(toy) == 0
    assert {entry[b"attempt"] for entry in entries} == {b"1"}
    assert {entry[b"for"] for entry in entries} == {b"toy"}
    assert len(entries) == 2
    assert await toy.notes() == []


async def test_a_handler_that_ends_within_the_grace_is_let_end(toy: Toy) -> None:
    toy.service.bus.grace_s = 20
    await put(toy, "dawdle 1")

    async with reading(toy):
        await until(lambda: begun("dawdle 1"))

    assert await toy.notes() == ["dawdle 1"]
    assert await pending(toy) == 0


async def test_sigterm_hands_back_and_exits_with_0(toy: Toy) -> None:
    await put(toy, "dawdle 60")
    process = await toy.process("serve", TOY_LEASE_S="60")
    await until(lambda: in_hand(toy, 1), timeout_s=60)

    process.send_signal(signal.SIGTERM)
    code = await process.wait()

    assert code == 0
    assert await pending(toy) == 0
    assert (await toy.redis.xrange(Poked.stream))[-1][1][b"attempt"] == b"1"


async def test_a_stopped_consumer_leaves_no_name_behind(toy: Toy) -> None:
    await put(toy, "x")
    async with reading(toy):
        await all_noted(toy, 1)

    assert await toy.redis.xinfo_consumers(Poked.stream, "toy") == []


async def test_a_process_that_sleeps_through_its_lease_does_no_harm(toy: Toy) -> None:
    process = await toy.process("serve", TOY_LEASE_S="0.5")
    await put(toy, "first")
    await until(lambda: noted(toy, 1), timeout_s=60)
    process.send_signal(signal.SIGSTOP)
    await put(toy, "second", "fail")

    async with reading(toy):
        await until(lambda: noted(toy, 2))
        process.send_signal(signal.SIGCONT)
        await until(lambda: has_letters(toy, 1))
        await until(lambda: nothing_in_hand(toy))
    process.terminate()
    await process.wait()

    assert sorted(await toy.notes()) == ["first", "second"]


async def test_an_entry_in_the_hands_of_a_dead_process_is_not_lost_with_its_name(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.bus._keeper, "_CONSUMER_IDLE_MS", 0)  # whoever holds nothing is forgotten at once
    await toy.service.bus.ensure_groups()
    await put(toy, "held")
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)
    await toy.redis.xgroup_createconsumer(Poked.stream, "toy", "a-dead-consumer-with-nothing")
    toy.service.bus.lease_s, toy.service.bus.tidy_s = 3600, 0.1

    async with reading(toy):
        await until(lambda: forgotten(toy, b"a-dead-consumer-with-nothing"))

    names = {consumer["name"] for consumer in await toy.redis.xinfo_consumers(Poked.stream, "toy")}
    assert names == {b"a-dead-consumer"}
    assert await pending(toy) == 1


async def forgotten(toy: Toy, name: bytes) -> bool:
    return name not in {consumer["name"] for consumer in await toy.redis.xinfo_consumers(Poked.stream, "toy")}
