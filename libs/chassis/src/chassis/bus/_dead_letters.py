"""What could not be handled: look at it, try it again, or drop it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.bus import _scripts
from chassis.bus._names import dead_letters
from chassis.bus._wire import decode

__all__ = ["DeadLetter", "DeadLetters"]


@dataclass(frozen=True)
class DeadLetter:
    """One entry a service gave up."""

    id: str
    """``<stream>/<entry id>``: unique among the service's dead letters."""
    stream: str
    service: str
    event_id: str
    """Empty if the entry could not be decoded so far."""
    reason: str
    detail: str
    traceback: str
    attempt: int
    died_at: datetime
    payload: str


class DeadLetters:
    """The dead letters of one service, over all streams it hears."""

    def __init__(self, redis: Any, *, service: str, streams: Iterable[str]) -> None:
        self._redis = redis
        self._service = service
        self._streams = tuple(streams)
        self._replay = redis.register_script(_scripts.REPLAY)

    async def list(self) -> AsyncIterator[DeadLetter]:
        """All of them, stream by stream, the oldest first."""
        for stream in self._streams:
            for entry_id, fields in await self._redis.xrange(dead_letters(stream, self._service)):
                yield self._letter(stream, entry_id, fields)

    async def get(self, letter_id: str) -> DeadLetter | None:
        """One of them, or None."""
        stream, entry_id = self._split(letter_id)
        for found_id, fields in await self._redis.xrange(dead_letters(stream, self._service), entry_id, entry_id):
            return self._letter(stream, found_id, fields)
        return None

    async def replay(self, letter_id: str) -> bool:
        """Deliver it to this service once more, with all its tries; False if there is no such letter."""
        stream, entry_id = self._split(letter_id)
        keys = [dead_letters(stream, self._service), stream]
        return bool(await self._replay(keys=keys, args=[entry_id, self._service]))

    async def drop(self, letter_id: str) -> bool:
        """Forget it; False if there is no such letter."""
        stream, entry_id = self._split(letter_id)
        return bool(await self._redis.xdel(dead_letters(stream, self._service), entry_id))

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

        body, _ = decode(text.get("__data__", b""))
        return DeadLetter(
            id=f"{stream}/{entry_id.decode()}",
            stream=stream,
            service=self._service,
            event_id=word("event_id"),
            reason=word("reason"),
            detail=word("detail"),
            traceback=word("traceback"),
            attempt=int(word("attempt") or 1),
            died_at=datetime.fromtimestamp(int(entry_id.split(b"-")[0]) / 1000, UTC),
            payload=body.decode(errors="replace"),
        )
