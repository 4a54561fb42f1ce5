"""Word of changed jobs on its way to other replicas."""

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

from chassis.database import UnitOfWork
from gateway.adapters.changes import RedisChanges


class SlowRedis:
    """Takes a word, and takes its time."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.go_on = asyncio.Event()

    async def publish(self, _channel: str, word: str) -> None:
        self.heard.append(word)
        await self.go_on.wait()


class Transaction:
    """What a change is part of."""


def change(changes: RedisChanges, job_id: UUID) -> None:
    work = cast(UnitOfWork, Transaction())
    changes.note(work, job_id)
    changes.committed(work)


async def test_a_change_made_while_the_word_of_another_is_on_its_way_is_told_too() -> None:
    changes, job_id = RedisChanges("redis://127.0.0.1:1/0"), uuid4()
    redis = cast(Any, changes)._redis = SlowRedis()
    sending = asyncio.create_task(changes._send_forever())

    change(changes, job_id)
    await asyncio.sleep(0.01)
    change(changes, job_id)
    redis.go_on.set()
    await asyncio.sleep(0.01)
    sending.cancel()

    assert redis.heard == [str(job_id), str(job_id)]


async def test_many_changes_that_nobody_was_told_of_are_one_word() -> None:
    changes, job_id = RedisChanges("redis://127.0.0.1:1/0"), uuid4()
    redis = cast(Any, changes)._redis = SlowRedis()
    redis.go_on.set()

    for _ in range(5):
        change(changes, job_id)
    sending = asyncio.create_task(changes._send_forever())
    await asyncio.sleep(0.01)
    sending.cancel()

    assert redis.heard == [str(job_id)]
