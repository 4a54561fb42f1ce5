"""What component tests stand on, the delivery without Redis, keeps the promises it shares with the real bus."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.testing import harness
from contracts import Event
from support.bus_looking import entry_of, nothing_in_hand, reading
from support.chassis_running import Toy, until
from support.chassis_toy import OTHER_TENANT, TENANT, VERSIONS, Noted, Poked, Settings, build, notes

pytestmark = pytest.mark.servers


@dataclass
class Way:
    """One way for facts to reach the toy: hand over some, wait until they are dealt with, look."""

    deliver: Callable[..., Awaitable[None]]
    notes: Callable[[UUID], Awaitable[list[str]]]
    announced: Callable[[], Awaitable[list[str]]]


@pytest.fixture(params=["in memory", "on a server"])
async def way(request: pytest.FixtureRequest, postgres_url: str, toy: Toy) -> AsyncIterator[Way]:
    if request.param == "in memory":
        async with harness("toy", build, settings=Settings, admin_url=postgres_url, versions=VERSIONS) as h:

            async def hear(*events: Event[Poked]) -> None:
                for event in events:
                    try:
                        await h.hear(event.data, subject="x", tenant_id=event.tenantid, event_id=event.id)
                    except Exception:  # noqa: BLE001 (what the handler raises comes out here; the bus settles it)
                        continue

            async def read(tenant_id: UUID) -> list[str]:
                async with h.database.read(tenant_id) as connection:
                    return list((await connection.execute(select(notes.c.text).order_by(notes.c.id))).scalars())

            async def announced() -> list[str]:
                return [fact.note for fact in h.facts(Noted)]

            yield Way(hear, read, announced)
        return
    async with reading(toy):

        async def put(*events: Event[Poked]) -> None:
            for event in events:
                await toy.redis.xadd(Poked.stream, await entry_of(event))
            await until(lambda: nothing_in_hand(toy))

        async def said() -> list[str]:
            bodies = await toy.announced(Noted.stream)
            return [Event[Noted].model_validate_json(body).data.note for body in bodies]

        yield Way(put, toy.notes, said)


def poke(note: str, tenant_id: UUID = TENANT) -> Event[Poked]:
    return Event[Poked].of(Poked(note=note), source="test", subject="x", tenant_id=tenant_id)


async def test_a_fact_delivered_three_times_has_its_effect_once(way: Way) -> None:
    event = poke("once")

    await way.deliver(event, event)
    await way.deliver(event)

    assert await way.notes(TENANT) == ["once"]
    assert await way.announced() == ["once"]


async def test_a_handler_that_fails_leaves_nothing_behind(way: Way) -> None:
    await way.deliver(poke("hopeless"))

    assert await way.notes(TENANT) == []
    assert await way.announced() == []


async def test_a_fact_that_failed_may_come_again_and_then_has_its_effect(way: Way) -> None:
    event = poke("stumble 1")

    await way.deliver(event)
    await way.deliver(event)

    assert await way.notes(TENANT) == ["stumble 1"]


async def test_a_failing_fact_does_not_hurt_those_beside_it(way: Way) -> None:
    await way.deliver(poke("a"), poke("hopeless"), poke("b"))

    assert sorted(await way.notes(TENANT)) == ["a", "b"]


async def test_a_handler_sees_and_writes_its_own_tenants_rows_alone(way: Way) -> None:
    await way.deliver(poke("ours"), poke("theirs", OTHER_TENANT))

    assert (await way.notes(TENANT), await way.notes(OTHER_TENANT)) == (["ours"], ["theirs"])
