"""Consumer groups: made at 0 before anything is read, and made again when Redis lost them."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

__all__ = ["ensure_groups", "missing_groups"]


async def ensure_groups(redis: Any, streams: Sequence[str], group: str) -> list[str]:
    """Create the group on each stream that lacks it, from its first entry on; returns where it was lacking.

    From 0, so that what was announced before a service first started is not lost to it. One round trip.
    """
    if not streams:
        return []
    async with redis.pipeline(transaction=False) as pipeline:
        for stream in streams:
            pipeline.xgroup_create(stream, group, id="0", mkstream=True)
        answers = await pipeline.execute(raise_on_error=False)
    created = []
    for stream, answer in zip(streams, answers, strict=True):
        if not isinstance(answer, Exception):
            created.append(stream)
        elif not (isinstance(answer, ResponseError) and "BUSYGROUP" in str(answer)):
            raise answer
    return created


async def missing_groups(redis: Any, streams: Sequence[str], group: str) -> list[str]:
    """Streams on which the group does not exist now."""
    async with redis.pipeline(transaction=False) as pipeline:
        for stream in streams:
            pipeline.xinfo_groups(stream)
        answers = await pipeline.execute(raise_on_error=False)
    missing = []
    for stream, answer in zip(streams, answers, strict=True):
        if isinstance(answer, Exception) or group not in {found["name"].decode() for found in answer}:
            missing.append(stream)
    return missing
