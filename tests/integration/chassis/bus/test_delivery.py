"""Every fact is heard, and has its effect once."""

import asyncio

import pytest

from contracts import Event
from support.bus_looking import a_replica, all_noted, an_event, entry_of, noted, nothing_in_hand, pending, put, reading
from support.chassis_running import Toy, until
from support.chassis_toy import OTHER_TENANT, TENANT, Noted, Poked
from support.cutting_proxy import CuttingProxy

pytestmark = pytest.mark.servers
NEVER_S = 120.0
"""Longer than any test may take: what happened earlier was not found by polling."""


async def test_what_was_announced_before_the_group_existed_is_heard(toy: Toy) -> None:
    for number in range(3):
        await toy.announce(Poked(note=str(number)))
    await toy.relay()

    async with toy.running():
        await all_noted(toy, 3)

    assert sorted(await toy.notes()) == ["0", "1", "2"]


async def test_a_commit_wakes_the_relay_and_an_entry_wakes_the_reader(toy: Toy) -> None:
    async with toy.running(poll_s=NEVER_S):
        await toy.announce(Poked(note="first"))
        await until(lambda: noted(toy, 1))
        await toy.announce(Poked(note="second"))

        await until(lambda: noted(toy, 2))

    assert await toy.notes() == ["first", "second"]


async def test_a_redelivered_fact_has_its_effect_once(toy: Toy) -> None:
    event = an_event("once")
    async with toy.running():
        await toy.redis.xadd(Poked.stream, await entry_of(event))
        await all_noted(toy, 1)

        await toy.redis.xadd(Poked.stream, await entry_of(event))
        await until(lambda: nothing_in_hand(toy))

    assert await toy.notes() == ["once"]
    assert len(await toy.announced(Noted.stream)) == 1


async def test_copies_of_a_fact_in_one_batch_have_their_effect_once(toy: Toy) -> None:
    event = an_event("once")
    for _ in range(5):
        await toy.redis.xadd(Poked.stream, await entry_of(event))
    await put(toy, "and another")

    async with reading(toy):
        await all_noted(toy, 2)

    assert sorted(await toy.notes()) == ["and another", "once"]


async def test_a_batch_of_several_tenants_keeps_each_behind_its_wall(toy: Toy) -> None:
    for number in range(6):
        tenant = TENANT if number % 2 else OTHER_TENANT
        await toy.redis.xadd(Poked.stream, await entry_of(an_event(str(number), tenant_id=tenant)))

    async with reading(toy):
        await all_noted(toy, 3)
        await until(lambda: nothing_in_hand(toy))

    assert sorted(await toy.notes()) == ["1", "3", "5"]
    assert sorted(await toy.notes(OTHER_TENANT)) == ["0", "2", "4"]


async def test_what_a_batch_announces_belongs_to_the_fact_it_comes_from(toy: Toy) -> None:
    events = [an_event(str(number), tenant_id=TENANT if number % 2 else OTHER_TENANT) for number in range(4)]
    for event in events:
        await toy.redis.xadd(Poked.stream, await entry_of(event))

    async with reading(toy):
        await until(lambda: nothing_in_hand(toy))

    said = [Event[Noted].model_validate_json(body) for body in await toy.announced(Noted.stream)]
    assert {(event.data.note, event.tenantid) for event in said} == {(e.data.note, e.tenantid) for e in events}


async def test_two_replicas_share_a_backlog_and_do_each_thing_once(toy: Toy) -> None:
    await put(toy, *(f"dawdle 0.0{number % 10}" for number in range(60)))

    async with reading(toy), a_replica(toy) as other:
        await all_noted(toy, 60)
        readers = await toy.redis.xinfo_consumers(Poked.stream, "toy")

    assert toy.service.bus.consumer != other.service.bus.consumer
    assert {reader["name"].decode() for reader in readers} == {toy.service.bus.consumer, other.service.bus.consumer}


async def test_the_same_facts_on_two_replicas_at_once_have_their_effect_once(toy: Toy) -> None:
    events = [an_event(f"dawdle 0.00{number}") for number in range(8)]
    for event in [*events, *reversed(events), *events]:
        await toy.redis.xadd(Poked.stream, await entry_of(event))

    async with a_replica(toy), a_replica(toy):
        await all_noted(toy, 8)

    assert len(await toy.announced(Noted.stream)) == 8


async def test_a_retry_of_one_service_is_not_handled_by_another(toy: Toy) -> None:
    await toy.redis.xadd(Poked.stream, {**await entry_of(an_event("for others")), "for": "another-service"})
    await put(toy, "for us")

    async with reading(toy):
        await all_noted(toy, 1)

    assert await toy.notes() == ["for us"]


async def test_a_backlog_is_not_taken_whole_by_one_reader(toy: Toy) -> None:
    await put(toy, *("dawdle 0.05" for _ in range(400)))

    async with reading(toy):
        await until(lambda: noted_some(toy))
        held = await pending(toy)

    assert 0 < held <= 128


async def noted_some(toy: Toy) -> bool:
    return bool(await toy.notes())


async def test_progress_may_be_lost_but_never_hurts(far_toy: Toy, redis_proxy: CuttingProxy) -> None:
    redis_proxy.shut()

    async with asyncio.timeout(10):
        await far_toy.service.bus.tell(an_event("x"))
