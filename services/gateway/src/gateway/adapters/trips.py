"""Round trips to Redis that requests share: what is asked while one is under way goes together with the next.

Each request asks two things (may it go on at its rate, was its session ended), and a trip of its own for each costs
more than all that Redis does for it. Who asks gets an answer to exactly its own question; nothing is remembered.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

__all__ = ["Answer", "Trips", "answer_of"]

_TIMEOUT_S = 0.25
"""A Redis in the same house answers in a millisecond; a request does not wait longer than this for it."""
Command = tuple[str | int | float, ...]
Answer = asyncio.Future[Any]
"""What Redis said, or the error that it said or that it could not be asked: whoever is curious reads ``answer_of``."""


class Trips:
    """One connection, one trip at a time."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(
            redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
        )
        self._waiting: list[tuple[Command, Answer]] = []
        self._under_way: asyncio.Task[None] | None = None
        self.made = 0
        """How many trips."""

    def ask(self, *command: str | int | float) -> Answer:
        """Ask at once; the answer may be awaited later, or never."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._go(), context=Context())  # in nobody's name
        return answer

    async def close(self) -> None:
        """Give the connection back."""
        if self._under_way is not None:
            await self._under_way
        await self._redis.aclose()

    async def _go(self) -> None:
        """Go until nobody waits."""
        while self._waiting:
            asked, self._waiting = self._waiting, []
            self.made += 1
            try:
                said = await self._said([command for command, _ in asked])
            except (RedisError, OSError) as error:
                asked, self._waiting = [*asked, *self._waiting], []  # who came meanwhile would wait in vain
                said = [error] * len(asked)
            except BaseException:
                self._under_way = None
                for _, answer in (*asked, *self._waiting):
                    answer.cancel()
                self._waiting = []
                raise
            for (_, answer), one in zip(asked, said, strict=True):
                if not answer.done():  # its request may be gone
                    answer.set_result(one)
        self._under_way = None

    async def _said(self, commands: Sequence[Command]) -> Sequence[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            _ = pipeline.execute_command(*command)
        said: Sequence[Any] = await pipeline.execute(raise_on_error=False)
        return said


async def answer_of(answer: Answer) -> Any:
    """What Redis said. Raises what it said was wrong, and OSError or RedisError if it could not be asked."""
    said = await answer
    if isinstance(said, Exception):
        raise said
    return said
