"""What could not be handled: look at it, try it again, or drop it. A few at a time, however many there are."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.bus import _scripts
from chassis.bus._names import dead_letters
from chassis.bus._wire import decode

__all__ = ["DeadLetter", "DeadLetters", "LetterFilter"]

_PAGE = 100
"""Letters read at once. One may hold 8 kB of traceback and more, and Redis answers nobody else meanwhile."""


@dataclass(frozen=True)
class DeadLetter:
    """One entry a service gave up."""

    id: str
    """``<stream>/<entry id>``: unique among the service's dead letters."""
    stream: str
    service: str
    event_id: str
    """Empty if the entry could not be decoded so far; so are the tenant and the job."""
    tenant_id: str
    job_id: str
    reason: str
    detail: str
    traceback: str
    attempt: int
    died_at: datetime
    payload: str


@dataclass(frozen=True)
class LetterFilter:
    """Which letters are meant; what is not given does not matter."""

    streams: tuple[str, ...] = ()
    reason: str | None = None
    event_id: str | None = None
    job_id: str | None = None
    tenant_id: str | None = None
    died_after: datetime | None = None
    died_before: datetime | None = None

    @property
    def needs_reading(self) -> bool:
        """Whether a letter must be read to know if it is meant."""
        return any((self.reason, self.event_id, self.job_id, self.tenant_id, self.died_after, self.died_before))

    def meant(self, letter: DeadLetter) -> bool:
        """Whether this one is; streams and times were looked at when it was fetched."""
        asked = (
            (self.reason, letter.reason),
            (self.event_id, letter.event_id),
            (self.job_id, letter.job_id),
            (self.tenant_id, letter.tenant_id),
        )
        return all(wanted is None or wanted == found for wanted, found in asked)


class DeadLetters:
    """The dead letters of one service, over all streams it hears."""

    def __init__(self, redis: Any, *, service: str, streams: Iterable[str]) -> None:
        self._redis = redis
        self._service = service
        self._streams = tuple(streams)
        self._replay = redis.register_script(_scripts.REPLAY)

    async def count(self, asked: LetterFilter = LetterFilter()) -> int:
        """How many there are on the streams asked for, without reading any."""
        total = 0
        for stream in self._of(asked):
            total += int(await self._redis.xlen(dead_letters(stream, self._service)))
        return total

    async def list(self, asked: LetterFilter = LetterFilter()) -> AsyncIterator[DeadLetter]:
        """Those that are meant, stream by stream, the oldest first; none that dies after this began."""
        for stream in self._of(asked):
            name = dead_letters(stream, self._service)
            first = "-" if asked.died_after is None else str(_milliseconds(asked.died_after))
            last = await self._last(name)
            if asked.died_before is not None and last is not None:
                last = min(last, f"{_milliseconds(asked.died_before)}", key=_order)
            while last is not None:
                page = await self._redis.xrange(name, first, last, count=_PAGE)
                for entry_id, fields in page:
                    letter = self._letter(stream, entry_id, fields)
                    if asked.meant(letter):
                        yield letter
                if len(page) < _PAGE:
                    break
                first = f"({page[-1][0].decode()}"

    async def get(self, letter_id: str) -> DeadLetter | None:
        """One of them, or None."""
        stream, entry_id = self._split(letter_id)
        for found_id, fields in await self._redis.xrange(dead_letters(stream, self._service), entry_id, entry_id):
            return self._letter(stream, found_id, fields)
        return None

    async def replay(self, letter_id: str) -> bool:
        """Deliver it to this service once more, with all its tries; False if there is no such letter."""
        return bool(await self.replay_many([letter_id]))

    async def replay_many(self, letter_ids: Sequence[str]) -> Sequence[str]:
        """Deliver these once more, in one round trip; returns those that were there."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for stream, entry_id in map(self._split, letter_ids):
                keys = [dead_letters(stream, self._service), stream]
                await self._replay(keys=keys, args=[entry_id, self._service], client=pipeline)
            answers = await pipeline.execute()
        return [letter_id for letter_id, found in zip(letter_ids, answers, strict=True) if found]

    async def drop(self, letter_id: str) -> bool:
        """Forget it; False if there is no such letter."""
        return bool(await self.drop_many([letter_id]))

    async def drop_many(self, letter_ids: Sequence[str]) -> Sequence[str]:
        """Forget these, in one round trip; returns those that were there."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for stream, entry_id in map(self._split, letter_ids):
                pipeline.xdel(dead_letters(stream, self._service), entry_id)
            answers = await pipeline.execute()
        return [letter_id for letter_id, found in zip(letter_ids, answers, strict=True) if found]

    async def _last(self, name: str) -> str | None:
        """The id of the newest letter: one that is replayed and dies again while we list comes after it."""
        for entry_id, _ in await self._redis.xrevrange(name, count=1):
            newest: bytes = entry_id
            return newest.decode()
        return None

    def _of(self, asked: LetterFilter) -> Sequence[str]:
        unknown = [stream for stream in asked.streams if stream not in self._streams]
        if unknown:
            raise ValueError(f"{self._service} does not hear {unknown[0]}; it hears {', '.join(self._streams)}")
        return asked.streams or self._streams

    def _split(self, letter_id: str) -> tuple[str, str]:
        stream, slash, entry_id = letter_id.rpartition("/")
        numbers = entry_id.split("-")
        if not slash or stream not in self._streams or len(numbers) != 2 or not all(n.isdigit() for n in numbers):
            raise ValueError(f"{letter_id!r} is no dead letter of {self._service}; ids look like <stream>/<ms>-<n>")
        return stream, entry_id

    def _letter(self, stream: str, entry_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
        text = {name.decode(errors="replace"): value for name, value in fields.items()}

        def word(name: str) -> str:
            return text.get(name, b"").decode(errors="replace")

        body = decode(text.get("__data__", b""))
        event = _event(body)
        return DeadLetter(
            id=f"{stream}/{entry_id.decode()}",
            stream=stream,
            service=self._service,
            event_id=word("event_id") or str(event.get("id") or ""),
            tenant_id=str(event.get("tenantid") or ""),
            job_id=str(event.get("jobid") or ""),
            reason=word("reason"),
            detail=word("detail"),
            traceback=word("traceback"),
            attempt=int(word("attempt") or 1),
            died_at=datetime.fromtimestamp(int(entry_id.split(b"-")[0]) / 1000, UTC),
            payload=body.decode(errors="replace"),
        )


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _order(entry_id: str) -> tuple[int, float]:
    """An id without its second part means the last one of that millisecond, as it does to XRANGE."""
    milliseconds, dash, number = entry_id.partition("-")
    return int(milliseconds), float(number) if dash else float("inf")
