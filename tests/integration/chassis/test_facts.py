"""Promises of the bus, on real servers."""

import asyncio

import pytest

from chassis.bus import DeadLetter
from contracts import Event
from support.chassis_running import Toy, until
from support.chassis_toy import TENANT, Noted, Poked

pytestmark = pytest.mark.servers


async def noted(toy: Toy, count: int) -> bool:
    return len(await toy.notes()) == count


async def letters(toy: Toy) -> list[DeadLetter]:
    return [letter async for letter in toy.service.bus.dead_letters().list()]


async def pending(toy: Toy) -> int:
    return int((await toy.redis.xpending(Poked.stream, "toy"))["pending"])


async def test_what_was_announced_before_the_group_existed_is_heard(toy: Toy) -> None:
    for number in range(3):
        await toy.announce(Poked(note=str(number)))
    async with toy.relaying():
        await until(lambda: toy.redis.exists(Poked.stream))

    async with toy.running():
        await until(lambda: noted(toy, 3))

    assert sorted(await toy.notes()) == ["0", "1", "2"]


async def test_a_fact_is_heard_within_milliseconds_of_its_commit(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="warm"))
        await until(lambda: noted(toy, 1))

        await toy.announce(Poked(note="quick"))
        seconds = await until(lambda: noted(toy, 2))

    assert seconds < 0.5


async def test_a_redelivered_fact_has_its_effect_once(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="once"))
        await until(lambda: noted(toy, 1))
        ((_, fields),) = await toy.redis.xrange(Poked.stream)

        await toy.redis.xadd(Poked.stream, fields)
        await until(lambda: settled(toy, 2))

    assert await toy.notes() == ["once"]
    assert len(await toy.announced(Noted.stream)) == 1


async def settled(toy: Toy, read: int) -> bool:
    (group,) = await toy.redis.xinfo_groups(Poked.stream)
    return bool(group["entries-read"] == read and group["pending"] == 0)


async def test_a_failing_fact_is_retried_and_then_dead_with_its_reason(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="fail"))
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt, letter.service) == ("runtime", 3, "toy")
    assert letter.detail == "the toy is broken"
    assert "on_poked" in letter.traceback
    assert Event[Poked].model_validate_json(letter.payload).data.note == "fail"
    assert str(Event[Poked].model_validate_json(letter.payload).id) == letter.event_id
    assert await toy.notes() == []
    assert await pending(toy) == 0


async def has_letters(toy: Toy, count: int) -> bool:
    return len(await letters(toy)) == count


async def test_what_cannot_be_decoded_goes_to_the_dead_letters_at_once(toy: Toy) -> None:
    async with toy.running():
        await toy.redis.xadd(Poked.stream, {"__data__": b"\x89BIN\r\n\x1a\nnonsense"})
        await toy.redis.xadd(Poked.stream, {"no": "data"})
        await toy.redis.xadd(Poked.stream, {"__data__": b'{"specversion": "1.0"}'})
        await until(lambda: has_letters(toy, 3))
        await toy.announce(Poked(note="still alive"))
        await until(lambda: noted(toy, 1))

    assert {letter.reason for letter in await letters(toy)} == {"undecodable"}
    assert {letter.attempt for letter in await letters(toy)} == {1}
    assert await pending(toy) == 0


async def test_an_error_that_no_retry_cures_is_final_at_once(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="hopeless"))
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt) == ("hopeless", 1)


async def test_a_dead_letter_can_be_replayed_and_dropped(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="hopeless"))
        await until(lambda: has_letters(toy, 1))
        (first,) = await letters(toy)

        replayed = await toy.service.bus.dead_letters().replay(first.id)
        await until(lambda: has_another(toy, first))
        (second,) = await letters(toy)
        dropped = await toy.service.bus.dead_letters().drop(second.id)

    assert replayed
    assert dropped
    assert second.event_id == first.event_id
    assert await letters(toy) == []


async def has_another(toy: Toy, first: DeadLetter) -> bool:
    return [letter.id for letter in await letters(toy)] not in ([], [first.id])


async def test_a_retry_of_one_service_is_not_handled_by_another(toy: Toy) -> None:
    event = Event[Poked].of(Poked(note="not for us"), source="test", subject="x", tenant_id=TENANT)
    async with toy.running():
        await toy.service.bus.tell(event)
        await until(lambda: noted(toy, 1))
        ((_, fields),) = await toy.redis.xrange(Poked.stream)
        other = Event[Poked].of(Poked(note="for others"), source="test", subject="x", tenant_id=TENANT)
        data = fields[b"__data__"].replace(str(event.id).encode(), str(other.id).encode())

        await toy.redis.xadd(Poked.stream, {"__data__": data, "for": "another-service"})
        await until(lambda: settled(toy, 2))

    assert await toy.notes() == ["not for us"]


async def test_a_lost_group_is_made_again_and_loses_nothing(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="before"))
        await until(lambda: noted(toy, 1))

        await toy.redis.xgroup_destroy(Poked.stream, "toy")
        await toy.announce(Poked(note="while gone"))
        await until(lambda: noted(toy, 2))

    assert sorted(await toy.notes()) == ["before", "while gone"]


async def test_a_flushed_redis_loses_no_fact(toy: Toy) -> None:
    await toy.announce(Poked(note="one"))
    async with toy.relaying():
        await until(lambda: toy.redis.exists(Poked.stream))
    await toy.redis.flushdb()

    async with toy.running():
        await until(lambda: noted(toy, 1))
        await toy.redis.flushdb()
        await toy.announce(Poked(note="two"))
        await until(lambda: noted(toy, 2))

    assert sorted(await toy.notes()) == ["one", "two"]


async def test_a_relay_that_dies_between_sending_and_marking_has_no_double_effect(toy: Toy) -> None:
    await toy.announce(Poked(note="twice on the wire"))
    async with toy.relaying():
        await until(lambda: toy.redis.exists(Poked.stream))
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET sent_batch = NULL")

    async with toy.running():
        await until(lambda: sent(toy, 2))
        await until(lambda: settled(toy, 2))

    assert await toy.notes() == ["twice on the wire"]


async def sent(toy: Toy, count: int) -> bool:
    return bool(await toy.redis.xlen(Poked.stream) == count)


async def test_what_a_silent_consumer_holds_is_handled_by_another(toy: Toy) -> None:
    await toy.announce(Poked(note="stranded"))
    async with toy.relaying():
        await until(lambda: toy.redis.exists(Poked.stream))
    await toy.service.bus.ensure_groups()
    await toy.redis.xreadgroup("toy", "a-dead-consumer", {Poked.stream: ">"}, count=1)

    async with toy.running():
        await until(lambda: noted(toy, 1))

    assert await pending(toy) == 0


async def test_a_stopped_service_hands_back_what_it_holds_without_burning_a_try(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="dawdle"))
        await until(lambda: has_pending(toy))

    entries = await toy.redis.xrange(Poked.stream)
    assert await pending(toy) == 0
    assert entries[-1][1][b"attempt"] == b"1"
    assert entries[-1][1][b"for"] == b"toy"
    assert await toy.notes() == []


async def has_pending(toy: Toy) -> bool:
    return await pending(toy) == 1


async def test_a_stream_is_trimmed_only_behind_the_slowest_group(toy: Toy) -> None:
    toy.service.bus.keep_s, toy.service.bus.tidy_s = 0, 0.2
    await toy.redis.xgroup_create(Poked.stream, "slow", id="0", mkstream=True)
    for number in range(4):
        await toy.announce(Poked(note=str(number)))
    async with toy.relaying():
        await until(lambda: sent(toy, 4))
    ((_, entries),) = await toy.redis.xreadgroup("slow", "someone", {Poked.stream: ">"}, count=2)
    await toy.redis.xack(Poked.stream, "slow", entries[0][0])

    async with toy.running():
        await until(lambda: noted(toy, 4))
        await until(lambda: sent(toy, 3))

    assert (await toy.redis.xrange(Poked.stream))[0][0] == entries[1][0]


async def test_progress_may_be_lost_but_never_hurts(toy: Toy) -> None:
    event = Event[Poked].of(Poked(note="x"), source="test", subject="x", tenant_id=TENANT)
    await toy.service.bus.redis.aclose()
    toy.service.bus.redis.connection_pool.connection_kwargs["port"] = 1

    await asyncio.wait_for(toy.service.bus.tell(event), 3)
