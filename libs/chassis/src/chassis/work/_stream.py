"""The work stream of a service: task ids on their way to a worker, and who the workers are.

It holds only what is in flight: an entry is deleted when its task is settled. Everything in it can be lost and is then
made again from the task rows.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.bus import _scripts
from chassis.bus._groups import ensure_groups

__all__ = ["Parcel", "WorkStream"]

_RELEASE = """
-- KEYS stream; ARGV group id ... -> entries settled and deleted
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
"""


@dataclass(frozen=True)
class Parcel:
    """One entry: a task, and the token its claim must show."""

    entry_id: str
    task_id: UUID
    token: int


class WorkStream:
    """``work.<service>``, its consumer group and the register of live workers."""

    def __init__(self, redis: Any, *, service: str, consumer: str) -> None:
        self._redis = redis
        self._group = service
        self._consumer = consumer
        self.name = f"work.{service}"
        self._workers = f"{{{self.name}}}:workers"
        self._release = redis.register_script(_RELEASE)
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
                return _parcel(entry_id, fields)
        return None

    async def renew(self, entry_id: str) -> None:
        """Keep the entry ours in the eyes of those who watch the group."""
        await self._fence(keys=[self.name], args=[self._group, self._consumer, entry_id])

    async def release(self, entry_ids: Sequence[str]) -> None:
        """Settle and delete these entries."""
        if entry_ids:
            await self._release(keys=[self.name], args=[self._group, *entry_ids])

    async def parcels(self) -> list[Parcel]:
        """Everything on the stream; short by design."""
        return [_parcel(entry_id, fields) for entry_id, fields in await self._redis.xrange(self.name)]

    async def held_silently(self, lease_s: float) -> set[str]:
        """Entries that a consumer has held for a lease without renewing them."""
        idle = int(lease_s * 1000)
        held = await self._redis.xpending_range(self.name, self._group, "-", "+", 10_000, idle=idle)
        return {item["message_id"].decode() for item in held}

    async def register(self, slots: int) -> None:
        """Say that this process lives and how many tasks it takes at once."""
        await self._redis.zadd(self._workers, {f"{self._consumer}:{slots}": time.time()})

    async def unregister(self, slots: int) -> None:
        """Take this process off the register: nothing more is meant for it."""
        await self._redis.zrem(self._workers, f"{self._consumer}:{slots}")

    async def leave(self) -> None:
        """Take this process's name out of the group, where it holds nothing."""
        await self._forget(keys=[self.name], args=[self._group, 3_600_000, self._consumer])

    async def live_slots(self, lease_s: float) -> int:
        """How many tasks all live workers take at once; those silent for a lease are struck off."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zremrangebyscore(self._workers, "-inf", time.time() - lease_s)
            pipeline.zrange(self._workers, 0, -1)
            _, members = await pipeline.execute()
        return sum(int(member.rpartition(b":")[2]) for member in members)


def _parcel(entry_id: bytes, fields: dict[bytes, bytes]) -> Parcel:
    return Parcel(entry_id.decode(), UUID(fields[b"task"].decode()), int(fields[b"token"]))
