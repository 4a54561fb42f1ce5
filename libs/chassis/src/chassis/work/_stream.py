"""The work stream of a service: task ids on their way to a worker, and who the workers are.

It holds only what is in flight: an entry is deleted when its task is settled. Everything in it can be lost and is then
made again from the task rows.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.bus import _scripts
from chassis.bus._groups import ensure_groups
from chassis.telemetry import get_logger

__all__ = ["Page", "Parcel", "WorkStream"]

_log = get_logger("chassis.work")
_PAGE = 500
"""Entries looked at or deleted at once: far below what Lua's ``unpack`` takes, about 8,000."""
_CONSUMER_IDLE_MS = 3_600_000

_RELEASE = """
-- KEYS stream; ARGV group id ... -> entries settled and deleted
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
"""

# The register goes by the clock of Redis: those of the machines that work may be hours apart. Should that one clock
# itself jump, all seem silent, or to come from the future; they are struck off and are back at their next word.
_REGISTER = """
-- KEYS workers; ARGV worker:slots -> 1 if new
local t = redis.call('TIME')
return redis.call('ZADD', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000), ARGV[1])
"""

_LIVE_SLOTS = """
-- KEYS workers; ARGV lease_ms -> tasks that all live workers take at once; those silent for a lease are struck off
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[1], '+inf')
local slots = 0
for _, worker in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  slots = slots + (tonumber(string.match(worker, ':(%d+)$')) or 0)
end
return slots
"""


@dataclass(frozen=True)
class Parcel:
    """One entry: a task, and the token its claim must show."""

    entry_id: str
    task_id: UUID
    token: int


@dataclass(frozen=True)
class Page:
    """A stretch of the stream."""

    parcels: Sequence[Parcel]
    held_silently: set[str]
    """Entries that a consumer has held for a lease without renewing them."""
    foreign: Sequence[str]
    """Entries that are no parcels."""


class WorkStream:
    """``work.<service>``, or ``work.<service>.<lane>``, its consumer group and the register of live workers."""

    def __init__(self, redis: Any, *, service: str, consumer: str, lane: str = "") -> None:
        self._redis = redis
        self._group = service
        self._consumer = consumer
        self.name = f"work.{service}.{lane}" if lane else f"work.{service}"
        self._workers = f"{{{self.name}}}:workers"
        self._release = redis.register_script(_RELEASE)
        self._register = redis.register_script(_REGISTER)
        self._live_slots = redis.register_script(_LIVE_SLOTS)
        self._fence = redis.register_script(_scripts.FENCE)
        self._forget = redis.register_script(_scripts.FORGET_CONSUMERS)

    async def ensure(self) -> None:
        """Make the stream and its group if they are missing."""
        await ensure_groups(self._redis, [self.name], self._group)

    async def send(self, tasks: Sequence[tuple[UUID, int]]) -> None:
        """Put tasks on the stream, in this order."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for task_id, token in tasks:
                pipeline.xadd(self.name, {"task": str(task_id), "token": str(token)})
            await pipeline.execute()

    async def read(self, block_ms: int) -> Parcel | None:
        """The next entry, for this consumer; None if none came in time."""
        answer = await self._redis.xreadgroup(self._group, self._consumer, {self.name: ">"}, count=1, block=block_ms)
        for _, entries in answer or ():
            for entry_id, fields in entries:
                parcel = _parcel(entry_id, fields)
                if parcel is None:
                    _log.warning("dropped an entry that is no task", stream=self.name, entry=entry_id.decode())
                    await self.release([entry_id.decode()])
                return parcel
        return None

    async def renew(self, entry_id: str) -> None:
        """Keep the entry ours in the eyes of those who watch the group."""
        await self._fence(keys=[self.name], args=[self._group, self._consumer, entry_id])

    async def release(self, entry_ids: Sequence[str]) -> None:
        """Settle and delete these entries."""
        for start in range(0, len(entry_ids), _PAGE):
            await self._release(keys=[self.name], args=[self._group, *entry_ids[start : start + _PAGE]])

    async def pages(self, lease_s: float) -> AsyncIterator[Page]:
        """Everything on the stream, in stretches: it is short by design, but nothing here relies on that."""
        start = "-"
        while True:
            entries = await self._redis.xrange(self.name, start, "+", count=_PAGE)
            if not entries:
                return
            first, last = entries[0][0].decode(), entries[-1][0].decode()
            idle_ms = int(lease_s * 1000)
            held = await self._redis.xpending_range(self.name, self._group, first, last, _PAGE, idle=idle_ms)
            read = [(entry_id, _parcel(entry_id, fields)) for entry_id, fields in entries]
            yield Page(
                parcels=[parcel for _, parcel in read if parcel is not None],
                held_silently={item["message_id"].decode() for item in held},
                foreign=[entry_id.decode() for entry_id, parcel in read if parcel is None],
            )
            start = f"({last}"

    async def register(self, slots: int) -> None:
        """Say that this process lives, and how many tasks it takes at once."""
        await self._register(keys=[self._workers], args=[f"{self._consumer}:{slots}"])

    async def unregister(self, slots: int) -> None:
        """Take this process off the register: nothing more is meant for it."""
        await self._redis.zrem(self._workers, f"{self._consumer}:{slots}")

    async def leave(self) -> None:
        """Take this process's name out of the group, where it holds nothing."""
        await self._forget(keys=[self.name], args=[self._group, _CONSUMER_IDLE_MS, self._consumer])

    async def forget_consumers(self) -> None:
        """Take names out of the group that hold nothing and were silent for an hour: their processes are gone."""
        await self._forget(keys=[self.name], args=[self._group, _CONSUMER_IDLE_MS])

    async def live_slots(self, lease_s: float) -> int:
        """How many tasks all live workers take at once; those silent for a lease are struck off."""
        return int(await self._live_slots(keys=[self._workers], args=[int(lease_s * 1000)]))


def _parcel(entry_id: bytes, fields: dict[bytes, bytes]) -> Parcel | None:
    try:
        return Parcel(entry_id.decode(), UUID(fields[b"task"].decode()), int(fields[b"token"]))
    except (KeyError, ValueError, TypeError):  # TypeError: the fields of an entry deleted meanwhile are absent
        return None
