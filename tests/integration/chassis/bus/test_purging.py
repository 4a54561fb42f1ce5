"""What is taken out of Redis when something is erased, and what must not be."""

from uuid import uuid4

import pytest

from support.bus_looking import an_event, entry_of, noted, nothing_in_hand, reading
from support.chassis_running import Toy, until
from support.chassis_toy import Poked

pytestmark = pytest.mark.servers


async def test_what_speaks_of_something_erased_is_dropped_read_or_not(toy: Toy) -> None:
    erased, other = uuid4(), uuid4()
    await toy.service.bus.ensure_groups()
    for about in (erased, other, erased):
        await toy.redis.xadd(Poked.stream, await entry_of(an_event(f"of {about}")))

    dropped = await toy.service.bus.forget(erased, announced=[Poked.stream])

    assert dropped == 2
    [(_, left)] = await toy.redis.xrange(Poked.stream)
    assert str(other).encode() in b"".join(left.values())


async def test_what_also_speaks_of_something_that_lives_on_stays_until_every_group_has_settled_it(toy: Toy) -> None:
    erased = uuid4()
    await toy.service.bus.ensure_groups()
    await toy.redis.xgroup_create(Poked.stream, "behind", id="0")
    for _ in range(3):
        await toy.redis.xadd(Poked.stream, await entry_of(an_event(f"of {erased}")))
    async with reading(toy):
        await until(lambda: noted(toy, 3))
        await until(lambda: nothing_in_hand(toy))

    unread = await toy.service.bus.forget(erased, announced=[Poked.stream], sparing=[Poked.stream])
    read = await toy.redis.xreadgroup("behind", "somebody", {Poked.stream: ">"}, count=2)
    entries = [entry_id for entry_id, _ in read[0][1]]
    await toy.redis.xack(Poked.stream, "behind", entries[0])
    one_settled = await toy.service.bus.forget(erased, announced=[Poked.stream], sparing=[Poked.stream])
    await toy.redis.xack(Poked.stream, "behind", entries[1])
    two_settled = await toy.service.bus.forget(erased, announced=[Poked.stream], sparing=[Poked.stream])

    assert (unread, one_settled, two_settled) == (0, 1, 1)
    assert await toy.redis.xlen(Poked.stream) == 1


async def test_a_stream_that_is_not_there_holds_nothing(toy: Toy) -> None:
    assert await toy.service.bus.forget(uuid4(), announced=["nobody.said.v1"], sparing=[Poked.stream]) == 0
