"""What becomes of an entry: held while it is handled, settled when it was, tried again, given back or given up."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from chassis._failures import backoff_s, is_outage, reason_of
from chassis.bus import _scripts
from chassis.bus._names import dead_letters, delayed
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_DEAD, FACTS_RETRIED, FACTS_RETURNED

__all__ = ["BEGUN", "LONGEST_WAIT_S", "WAITING", "Deliveries", "Entry"]

_log = get_logger("chassis.bus")
BEGUN, WAITING = 1, 2
"""How far an entry in hand is, kept as its delivery count.

Reading makes it 1: what is read is begun at once, unless we say it waits. A process that dies in between burns a try of
what it had read, which saves all others a question to Redis before each batch.
"""
LONGEST_WAIT_S = 300.0
"""No retry waits longer."""
_OUTAGE_STEP = 4
"""While a server is away the wait does not grow with the tries, which stand still: it is that of this many failures."""


@dataclass(frozen=True)
class Entry:
    """One entry of a stream, as delivered to us."""

    stream: str
    id: str
    attempt: int
    """1 at the first try."""
    event_id: str = ""


class Deliveries:
    """The rules for the deliveries of one service. Stateless but for the scripts: any replica may settle any entry."""

    def __init__(
        self,
        redis: Any,
        *,
        service: str,
        consumer: str,
        tries: int,
        base_s: float,
        gives_up_on: Mapping[str, tuple[type[Exception], ...]],
    ) -> None:
        self._redis = redis
        self._service = service
        self._consumer = consumer
        self.tries = tries
        self._base_s = base_s
        self._gives_up_on = gives_up_on
        self._hold = redis.register_script(_scripts.HOLD)
        self._settle = redis.register_script(_scripts.SETTLE)
        self.on_retry: Callable[[], None] = lambda: None
        """Told that a retry was scheduled, so that it need not be searched for."""

    async def hold(self, stream: str, ids: Sequence[str], *, stage: int | None = None) -> set[str]:
        """Renew the lease on these entries; returns those that are still ours.

        ``stage``: BEGUN or WAITING, from here on. A process that dies burns a try of what counts as begun, and of
        nothing else.
        """
        ours = await self._hold(keys=[stream], args=[self._service, self._consumer, stage or "", *ids])
        return {id_.decode() for id_ in ours}

    async def acknowledge(self, stream: str, ids: Sequence[str]) -> None:
        """These are done."""
        await self._redis.xack(stream, self._service, *ids)

    async def failed(self, entry: Entry, error: BaseException) -> None:
        """Try the entry again later, or give it up."""
        final = isinstance(error, self._gives_up_on.get(entry.stream, ()))
        away = not final and is_outage(error)
        if final or (entry.attempt >= self.tries and not away):
            await self.bury(entry, reason_of(error), error)
            return
        step = _OUTAGE_STEP if away else entry.attempt
        wait_s = backoff_s(step, base_s=self._base_s, cap_s=LONGEST_WAIT_S)
        _log.warning(
            "a fact will be tried again",
            stream=entry.stream,
            event=entry.event_id,
            attempt=entry.attempt,
            wait_s=round(wait_s, 2),
            error=repr(error),
        )
        attempt = entry.attempt if away else entry.attempt + 1
        if await self.settle(entry, "retry", attempt=attempt, wait_s=wait_s) == "retry":
            FACTS_RETRIED.labels(entry.stream).inc()
            self.on_retry()

    async def bury(self, entry: Entry, reason: str, error: BaseException, *, idle_ms: int | None = None) -> None:
        """Put the entry on the dead-letter stream, with all a person needs to judge it."""
        fields = {
            "reason": reason,
            "detail": str(error)[:2000],
            "traceback": "".join(traceback.format_exception(error))[-8000:],
            "service": self._service,
            "stream": entry.stream,
            "event_id": entry.event_id,
        }
        if await self.settle(entry, "dead", attempt=entry.attempt, fields=fields, idle_ms=idle_ms) == "dead":
            _log.error("a fact was given up", exc_info=error, stream=entry.stream, event=entry.event_id, reason=reason)
            FACTS_DEAD.labels(entry.stream, reason).inc()

    async def settle(
        self,
        entry: Entry,
        verdict: str,
        *,
        attempt: int | None = None,
        wait_s: float = 0.0,
        fields: Mapping[str, str] | None = None,
        idle_ms: int | None = None,
    ) -> str:
        """Take the entry from our hands in one step; with ``idle_ms``, from whoever has been silent for so long.

        ``attempt`` None leaves it as it is. Returns the verdict, or ``lost`` or ``gone``. If Redis is away or full the
        entry stays where it is, and the reaper will settle it.
        """
        keys = [entry.stream, delayed(entry.stream, self._service), dead_letters(entry.stream, self._service)]
        owner = self._consumer if idle_ms is None else ""
        pairs = [part for pair in (fields or {}).items() for part in pair]
        number = "" if attempt is None else attempt
        args = [self._service, owner, entry.id, idle_ms or 0, verdict, number, int(wait_s * 1000), *pairs]
        try:
            outcome: bytes = await self._settle(keys=keys, args=args)
        except RedisError as error:
            _log.warning("an entry could not be settled; the reaper will", entry=entry.id, error=repr(error))
            return "lost"
        return outcome.decode()

    async def hand_back(self, stream: str) -> int:
        """Give all that this consumer holds to whoever reads next, without burning a try; returns how much it was.

        Also what it holds without knowing: the reply that carried it was lost.
        """
        returned = 0
        while True:
            held = await self._redis.xpending_range(stream, self._service, "-", "+", 100, consumername=self._consumer)
            given = 0
            for item in held:
                given += await self.settle(Entry(stream, item["message_id"].decode(), 1), "again") != "lost"
            returned += given
            if len(held) < 100 or not given:
                break
        FACTS_RETURNED.labels(stream).inc(returned)
        return returned
