"""What was announced reaches its stream, whatever dies or forgets in between."""

import asyncio

import pytest
from prometheus_client import REGISTRY

import chassis.outbox._relay
from chassis.database._signals import Signals
from chassis.outbox import Relay
from support.bus_looking import all_noted, letters
from support.chassis_running import Toy, until
from support.chassis_toy import TENANT, Noted, Poked

pytestmark = pytest.mark.servers


async def test_a_relay_that_dies_between_sending_and_marking_has_no_double_effect(toy: Toy) -> None:
    await toy.announce(Poked(note="twice on the wire"))
    await toy.relay()
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET sent_batch = NULL")

    async with toy.running():
        await until(lambda: sent(toy, 2))
        await all_noted(toy, 1)

    assert await toy.notes() == ["twice on the wire"]
    assert len(await toy.announced(Noted.stream)) == 1


async def sent(toy: Toy, count: int) -> bool:
    return bool(await toy.redis.xlen(Poked.stream) == count)


async def test_a_redis_that_forgets_in_the_middle_of_a_batch_gets_all_of_it_again(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush_once = "if redis.call('EXISTS', 'once') == 0 then redis.call('FLUSHDB') redis.call('SET', 'once', 1) end\n"
    monkeypatch.setattr(chassis.outbox._relay, "_MOVE", flush_once + chassis.outbox._relay._MOVE)
    for number in range(4):
        await toy.announce(Poked(note=str(number)))

    async with toy.running():
        await all_noted(toy, 4)

    assert await toy.redis.exists("once")
    assert sorted(await toy.notes()) == ["0", "1", "2", "3"]


async def test_a_mark_ahead_of_a_restored_database_does_not_stop_the_relay(toy: Toy) -> None:
    await toy.redis.set("outbox:toy", 1000)
    await toy.announce(Poked(note="x"))

    async with toy.running():
        await all_noted(toy, 1)

    assert await toy.redis.get("outbox:toy") == b"1002"  # the fact itself, and what its handler announced


async def test_a_backlog_of_several_batches_is_sent_whole_and_in_order(toy: Toy) -> None:
    async with toy.service.database.begin(TENANT) as work:
        for number in range(1100):
            await work.announce(Poked(note=str(number)), subject="x")

    await toy.relay()

    entries = await toy.redis.xrange(Poked.stream)
    found = [int(fields[b"__data__"].rpartition(b'"note":"')[2].partition(b'"')[0]) for _, fields in entries]
    assert found == list(range(1100))


async def test_two_relays_at_once_have_no_double_effect(toy: Toy) -> None:
    signals = Signals(str(toy.settings.database_url), service="toy")
    relays = [Relay(toy.service.database, toy.service.bus.redis, signals) for _ in range(2)]
    for number in range(20):
        await toy.announce(Poked(note=str(number)))

    await asyncio.gather(*(relay.relay() for relay in relays), return_exceptions=True)
    async with toy.running():
        await all_noted(toy, 20)

    assert len(set(await toy.notes())) == 20
    assert await letters(toy) == []


async def test_only_what_is_old_and_sent_is_forgotten(toy: Toy) -> None:
    signals = Signals(str(toy.settings.database_url), service="toy")
    relay = Relay(toy.service.database, toy.service.bus.redis, signals, keep_s=0)
    for note in ("oldest", "old"):
        await toy.announce(Poked(note=note))
        await relay.relay()
    await toy.announce(Poked(note="not sent"))

    await relay._keep_house()

    bodies = await toy.announced(Poked.stream)
    assert [note for note in ("oldest", "old", "not sent") if any(f'"{note}"' in body for body in bodies)] == [
        "old",
        "not sent",
    ]


async def test_what_was_sent_just_now_can_be_sent_again_however_long_it_had_waited(toy: Toy) -> None:
    signals = Signals(str(toy.settings.database_url), service="toy")
    relay = Relay(toy.service.database, toy.service.bus.redis, signals)
    for note in ("first", "second"):
        await toy.announce(Poked(note=note))
        async with toy.service.database.begin_untenanted() as connection:
            await connection.exec_driver_sql("UPDATE outbox SET created_at = now() - interval '2 days'")
        await relay.relay()
    await relay._keep_house()
    await toy.redis.flushdb()

    async with toy.running():
        await all_noted(toy, 2)

    assert sorted(await toy.notes()) == ["first", "second"]


async def test_how_much_waits_and_for_how_long_is_measured(toy: Toy) -> None:
    signals = Signals(str(toy.settings.database_url), service="toy")
    relay = Relay(toy.service.database, toy.service.bus.redis, signals)
    await toy.announce(Poked(note="x"))
    async with toy.service.database.begin_untenanted() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET created_at = now() - interval '90 s'")

    await relay._keep_house()

    assert REGISTRY.get_sample_value("chassis_outbox_unsent") == 1
    assert 90 <= (REGISTRY.get_sample_value("chassis_outbox_oldest_seconds") or 0) < 300
