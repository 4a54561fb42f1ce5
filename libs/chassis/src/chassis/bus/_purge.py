"""Takes out of Redis what speaks of something that was erased.

An entry is dropped whether or not every group has read it: what it says is true of nothing any more. A group that holds
it finds it gone and lets go. But what also speaks of something that lives on, as a job does of its script, may be the
only word of that: then entries are spared until every group has settled them, and trimmed like all others.
"""

from collections.abc import AsyncIterator, Container, Iterable
from typing import Any
from uuid import UUID

from redis.exceptions import ResponseError

from chassis.bus._names import dead_letters, delayed

__all__ = ["purge"]

_PAGE = 500
_SLACK_MS = 3_600_000
"""Clocks of those who make ids and that of Redis need not agree to the hour."""


async def purge(
    redis: Any, *, service: str, heard: Iterable[str], announced: Iterable[str], about: UUID, sparing: Container[str]
) -> int:
    """Drop every entry in which this id stands: on the streams we announce, and among what we could not handle or will
    try again; on the streams named in ``sparing`` only what is settled. Returns how many there were.
    """
    needle, count = str(about).encode(), 0
    for stream in announced:
        last = await _settled(redis, stream) if stream in sparing else "+"
        count += await _purge_stream(redis, stream, needle, _first(about), last)
    for stream in heard:
        count += await _purge_stream(redis, dead_letters(stream, service), needle, "-", "+")
        count += await _purge_set(redis, delayed(stream, service), needle)
    return count


def _first(about: UUID) -> str:
    """From where on an entry can speak of it: its id says when it was made."""
    return str(max(0, (about.int >> 80) - _SLACK_MS)) if about.version == 7 else "-"


async def _settled(redis: Any, stream: str) -> str:
    """Up to where every group has read and settled, as the end of a range."""
    try:
        groups = await redis.xinfo_groups(stream)
    except ResponseError:  # there is no such stream
        return "0-0"
    open_from: list[tuple[int, int]] = []
    for group in groups:
        oldest = (await redis.xpending(stream, group["name"]))["min"]
        ms, _, sequence = (oldest or group["last-delivered-id"]).decode().partition("-")
        open_from.append((int(ms), int(sequence) + (0 if oldest else 1)))
    return "({}-{}".format(*min(open_from)) if open_from else "+"


async def _purge_stream(redis: Any, stream: str, needle: bytes, first: str, last: str) -> int:
    count = 0
    async for page in _pages(redis, stream, first, last):
        found = [entry_id for entry_id, fields in page if any(needle in value for value in fields.values())]
        if found:
            count += int(await redis.xdel(stream, *found))
    return count


async def _pages(redis: Any, stream: str, first: str, last: str) -> AsyncIterator[list[Any]]:
    while True:
        page = await redis.xrange(stream, first, last, count=_PAGE)
        yield page
        if len(page) < _PAGE:
            return
        first = f"({page[-1][0].decode()}"


async def _purge_set(redis: Any, name: str, needle: bytes) -> int:
    found = [member async for member, _ in redis.zscan_iter(name, count=_PAGE) if needle in member]
    return int(await redis.zrem(name, *found)) if found else 0
