"""What tests of the bus look at: notes, entries in hand, letters, and entries made by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from redis.exceptions import ResponseError

from chassis.bus import DeadLetter
from chassis.bus._wire import encode
from chassis.database._signals import Signals
from contracts import Event
from support.chassis_running import Toy, until
from support.chassis_toy import TENANT, Poked, acting, build

__all__ = [
    *("a_replica", "all_noted", "an_event", "begun", "entry_of", "has_letters", "in_hand", "letters", "noted"),
    *("nothing_in_hand", "pending", "put", "reading"),
]


async def noted(toy: Toy, count: int) -> bool:
    """Whether there are exactly so many notes."""
    return len(await toy.notes()) == count


async def all_noted(toy: Toy, count: int, *, timeout_s: float = 20) -> None:
    """Wait for so many notes, and then for nothing in hand."""
    await until(lambda: noted(toy, count), timeout_s=timeout_s)
    await until(lambda: nothing_in_hand(toy), timeout_s=timeout_s)


async def pending(toy: Toy) -> int:
    """Entries read by the toy's group and not settled; none where there is no group yet."""
    try:
        return int((await toy.redis.xpending(Poked.stream, "toy"))["pending"])
    except ResponseError:
        return 0


_LOOK = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local h = {}
  for i = 1, #g, 2 do h[g[i]] = g[i + 1] end
  if h['name'] == 'toy' then
    local unread = #redis.call('XRANGE', KEYS[1], '(' .. h['last-delivered-id'], '+')
    return h['pending'] + redis.call('ZCARD', KEYS[2]) + unread
  end
end
return -1
"""


async def nothing_in_hand(toy: Toy) -> bool:
    """All read, all settled, and no retry waits: in one look, for between two an entry may move."""
    return bool(await toy.redis.eval(_LOOK, 2, Poked.stream, f"{{{Poked.stream}}}:toy:delayed") == 0)


async def in_hand(toy: Toy, count: int) -> bool:
    """Whether so many entries are in somebody's hands."""
    return await pending(toy) == count


async def begun(note: str) -> bool:
    """Whether the handler of this note was begun in this process, since it was last asked."""
    if note not in acting:
        return False
    acting.clear()
    return True


async def letters(toy: Toy) -> list[DeadLetter]:
    """The toy's dead letters."""
    return [letter async for letter in toy.service.bus.dead_letters().list()]


async def has_letters(toy: Toy, count: int) -> bool:
    """Whether there are so many dead letters."""
    return len(await letters(toy)) == count


def an_event(note: str, *, tenant_id: UUID = TENANT) -> Event[Poked]:
    """A poke as another service would announce it."""
    return Event[Poked].of(Poked(note=note), source="test", subject="x", tenant_id=tenant_id)


async def entry_of(event: Event[Poked]) -> dict[str, bytes]:
    """The entry that carries it."""
    return {"__data__": encode(event.model_dump_json(), message_id=str(event.id), correlation_id=str(event.id))}


async def put(toy: Toy, *notes: str) -> list[str]:
    """Put pokes straight on the stream, as if relayed; returns the ids of their entries."""
    return [(await toy.redis.xadd(Poked.stream, await entry_of(an_event(note)))).decode() for note in notes]


@asynccontextmanager
async def a_replica(toy: Toy) -> AsyncIterator[Toy]:
    """A second process's worth of the toy: it reads and works, and does not wait for the lead."""
    other = Toy(build(toy.settings), toy.settings, toy.redis, toy.admin_url)
    stop = asyncio.Event()
    signals = Signals(str(toy.settings.database_url), service="toy")
    work = other.service.work
    assert work is not None
    listening = asyncio.create_task(signals.run())
    parts = [
        asyncio.create_task(other.service.bus.run(stop)),
        asyncio.create_task(work.run(stop, signals, grace_s=5)),
    ]
    try:
        yield other
    finally:
        stop.set()
        await asyncio.gather(*parts)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await other.service.close()


@asynccontextmanager
async def reading(toy: Toy) -> AsyncIterator[asyncio.Event]:
    """Only the bus of the toy, without relay and work."""
    stop = asyncio.Event()
    bus = asyncio.create_task(toy.service.bus.run(stop))
    try:
        await until(lambda: _reads(toy))
        yield stop
    finally:
        stop.set()
        await bus


async def _reads(toy: Toy) -> bool:
    return toy.service.bus.ailing() is None
