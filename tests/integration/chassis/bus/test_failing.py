"""A handler that fails hurts nobody else, is tried again with patience, and is given up with its reason."""

import pytest

from contracts import Event
from support.bus_looking import (
    all_noted,
    an_event,
    entry_of,
    has_letters,
    letters,
    nothing_in_hand,
    pending,
    put,
    reading,
)
from support.chassis_running import Toy, until
from support.chassis_toy import Noted, Poked, build

pytestmark = pytest.mark.servers


async def test_a_failing_fact_is_retried_and_then_dead_with_its_reason(toy: Toy) -> None:
    await put(toy, "fail")

    async with reading(toy):
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt, letter.service) == ("runtime", 3, "toy")
    assert letter.detail == "the toy is broken"
    assert "on_poked" in letter.traceback
    assert Event[Poked].model_validate_json(letter.payload).data.note == "fail"
    assert str(Event[Poked].model_validate_json(letter.payload).id) == letter.event_id
    assert await toy.notes() == []
    assert await toy.announced(Noted.stream) == []
    assert await pending(toy) == 0


async def test_a_fact_that_fails_at_first_has_its_effect_once_in_the_end(toy: Toy) -> None:
    await put(toy, "stumble 2")

    async with reading(toy):
        await all_noted(toy, 1)

    assert await letters(toy) == []


async def test_a_failing_fact_does_not_hurt_its_neighbours(toy: Toy) -> None:
    await put(toy, "before", "fail", "between", "hopeless", "after")

    async with reading(toy):
        await all_noted(toy, 3)
        await until(lambda: has_letters(toy, 2))

    assert sorted(await toy.notes()) == ["after", "before", "between"]
    assert sorted(letter.reason for letter in await letters(toy)) == ["hopeless", "runtime"]


async def test_the_next_try_waits_longer_each_time_and_never_for_the_same_time(toy: Toy) -> None:
    toy.service.bus.base_s, toy.service.bus.tries = 1000.0, 9
    await put(toy, *("fail" for _ in range(8)))

    async with reading(toy):
        await until(lambda: all_delayed(toy, 8))
    waiting = await toy.redis.zrange(f"{{{Poked.stream}}}:toy:delayed", 0, -1, withscores=True)

    seconds, micros = await toy.redis.time()
    waits_s = [due / 1000 - seconds - micros / 1e6 for _, due in waiting]
    assert len({round(wait, 3) for wait in waits_s}) == 8
    assert all(140 < wait <= 300 for wait in waits_s)  # half of the cap of 300 s at least, the cap at most


async def all_delayed(toy: Toy, count: int) -> bool:
    return bool(await toy.redis.zcard(f"{{{Poked.stream}}}:toy:delayed") == count)


async def test_a_retry_that_another_replica_scheduled_is_found(toy: Toy) -> None:
    toy.service.bus.base_s = 0.4
    await put(toy, "stumble 1")
    async with reading(toy):
        await until(lambda: all_delayed(toy, 1))
    assert await toy.notes() == []

    async with reading(toy):
        await all_noted(toy, 1)


async def test_an_error_that_no_retry_cures_is_final_at_once(toy: Toy) -> None:
    await put(toy, "hopeless")

    async with reading(toy):
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt) == ("hopeless", 1)


async def test_a_dead_letter_can_be_replayed_and_dropped(toy: Toy) -> None:
    await put(toy, "hopeless")
    async with reading(toy):
        await until(lambda: has_letters(toy, 1))
        (first,) = await letters(toy)

        replayed = await toy.service.bus.dead_letters().replay(first.id)
        again = await toy.service.bus.dead_letters().replay(first.id)
        await until(lambda: has_another(toy, first.id))
        (second,) = await letters(toy)
        dropped = await toy.service.bus.dead_letters().drop(second.id)

    assert (replayed, again, dropped) == (True, False, True)
    assert second.event_id == first.event_id
    assert await letters(toy) == []


async def has_another(toy: Toy, first: str) -> bool:
    return [letter.id for letter in await letters(toy)] not in ([], [first])


async def test_a_replayed_letter_has_all_its_tries_and_its_effect_once(toy: Toy) -> None:
    await put(toy, "stumble 4")
    async with reading(toy):
        await until(lambda: has_letters(toy, 1))
        (letter,) = await letters(toy)

        await toy.service.bus.dead_letters().replay(letter.id)
        await all_noted(toy, 1)

    assert letter.attempt == 3
    assert await letters(toy) == []


async def test_a_handler_that_does_not_end_is_cut_off_for_those_behind_it(toy: Toy) -> None:
    toy.service.bus.patience_s, toy.service.bus.tries = 0.2, 1
    await put(toy, "dawdle 60", "behind it")

    async with reading(toy):
        await all_noted(toy, 1)
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert letter.reason == "handler_too_slow"
    assert await toy.notes() == ["behind it"]


async def test_a_handler_cancelled_from_within_is_a_failure_and_reading_goes_on(toy: Toy) -> None:
    await put(toy, "vanish", "behind it")

    async with reading(toy):
        await all_noted(toy, 1)
        await until(lambda: has_letters(toy, 1))
        await put(toy, "afterwards")
        await all_noted(toy, 2)

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt) == ("handler_cancelled", 3)


UNREADABLE = {
    "a broken envelope": {"__data__": b"\x89BIN\r\n\x1a\nnonsense"},
    "no data at all": {"no": "data"},
    "data of no length": {"__data__": b""},
    "bad JSON": {"__data__": b'{"specversion": "1.0", '},
    "an envelope without a fact": {"__data__": b'{"specversion": "1.0"}'},
    "a CloudEvent whose data is a string": {"__data__": b'{"specversion": "1.0", "id": "x", "data": "hello"}'},
    "bytes that are no text": {"__data__": bytes(range(128, 256))},
    "a JSON array": {"__data__": b"[1, 2, 3]"},
    "an attempt that is no number": {"__data__": b"nonsense", "attempt": "many"},
}


@pytest.mark.parametrize("fields", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_decoded_is_dead_at_once_whole_and_alone(toy: Toy, fields: dict[str, bytes]) -> None:
    await put(toy, "before")
    await toy.redis.xadd(Poked.stream, fields)
    await put(toy, "after")

    async with reading(toy):
        await all_noted(toy, 2)
        await until(lambda: has_letters(toy, 1))
        await until(lambda: nothing_in_hand(toy))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt) == ("undecodable", 1)
    assert sorted(await toy.notes()) == ["after", "before"]
    if "__data__" in fields and not fields["__data__"].startswith(b"\x89"):
        assert letter.payload == fields["__data__"].decode(errors="replace")


async def test_a_fact_on_the_wrong_stream_is_dead_and_not_misread(toy: Toy) -> None:
    event = an_event("astray").model_copy(update={"type": "toy.other.v1"})
    await toy.redis.xadd(Poked.stream, await entry_of(event))

    async with reading(toy):
        await until(lambda: has_letters(toy, 1))

    assert await toy.notes() == []


async def test_a_handler_that_kills_its_process_is_given_up_and_takes_no_neighbour_along(toy: Toy) -> None:
    await put(toy, "kill 9", *(f"neighbour {number}" for number in range(5)))

    for _ in range(3):
        process = await toy.process("serve")
        code = await process.wait()
        assert code == -9
    async with reading(toy):
        await all_noted(toy, 5)
        await until(lambda: has_letters(toy, 1))

    (letter,) = await letters(toy)
    assert (letter.reason, letter.attempt) == ("consumer_lost", 3)
    assert len(set(await toy.notes())) == 5


async def test_tries_are_counted_across_replicas(toy: Toy) -> None:
    other = build(toy.settings, tries=3, base_s=0.3)
    await put(toy, "fail")
    toy.service.bus.base_s = 0.3
    async with reading(toy):
        await until(lambda: all_delayed(toy, 1))
    async with reading(Toy(other, toy.settings, toy.redis, toy.admin_url)):
        await until(lambda: has_letters(toy, 1))
    await other.close()

    (letter,) = await letters(toy)
    assert letter.attempt == 3
