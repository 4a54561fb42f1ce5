"""What surrounds one delivery of one fact: the fence, the lease, and what becomes of it when the handler fails."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faststream import BaseMiddleware
from faststream.exceptions import NackMessage
from faststream.message import StreamMessage
from redis.exceptions import RedisError
from typing_extensions import override

from chassis._failures import backoff_s, is_outage, reason_of
from chassis.bus import _scripts
from chassis.bus._names import dead_letters, delayed
from chassis.telemetry import get_logger
from chassis.telemetry.metrics import FACTS_DEAD, FACTS_FENCED, FACTS_RETRIED

__all__ = ["Deliveries", "Entry", "HandlerFailed"]

_log = get_logger("chassis.bus")
_OUTAGE_CAP_S = 30.0


class HandlerFailed(Exception):
    """The handler raised; its ``__cause__`` says what. Anything else raised here means the entry is unreadable."""


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
        lease_s: float,
        tries: int,
        base_s: float,
        gives_up_on: Mapping[str, tuple[type[Exception], ...]],
    ) -> None:
        self._service = service
        self._consumer = consumer
        self._lease_s = lease_s
        self.tries = tries
        self._base_s = base_s
        self._gives_up_on = gives_up_on
        self._fence = redis.register_script(_scripts.FENCE)
        self._settle = redis.register_script(_scripts.SETTLE)
        self._last_words: set[asyncio.Task[None]] = set()
        self.on_retry: Callable[[float], None] = lambda _: None
        """Told the Unix time at which a retry falls due, so that it need not be searched for."""

    def middleware(self, msg: Any, *, context: Any) -> "_Around":
        """What FastStream builds for every message."""
        return _Around(msg, context=context, deliveries=self, service=self._service)

    async def deliver(self, entry: Entry, handle: Callable[[], Awaitable[Any]]) -> None:
        """Handle the entry if it is still ours. Returning means: settle it as done; NackMessage: it is settled."""
        if not await self._is_ours(entry):
            FACTS_FENCED.labels(entry.stream).inc()
            raise NackMessage
        job = asyncio.ensure_future(handle())
        beat = asyncio.create_task(self._keep(entry, job))
        try:
            await job
        except asyncio.CancelledError:
            if beat.done() and not beat.cancelled():  # the lease was lost, and with it the right to settle
                raise NackMessage from None
            self._hand_back(entry)
            raise
        except HandlerFailed as failed:
            await self.failed(entry, failed.__cause__ or failed)
            raise NackMessage from None
        except Exception as error:  # noqa: BLE001 (not from the handler: nobody can read this entry, now or later)
            await self.bury(entry, "undecodable", error)
            raise NackMessage from None
        finally:
            beat.cancel()

    async def failed(self, entry: Entry, error: BaseException) -> None:
        """Try the entry again later, or give it up."""
        final = isinstance(error, self._gives_up_on.get(entry.stream, ()))
        away = not final and is_outage(error)
        if final or (entry.attempt >= self.tries and not away):
            await self.bury(entry, reason_of(error), error)
            return
        wait_s = backoff_s(entry.attempt, base_s=self._base_s, cap_s=_OUTAGE_CAP_S if away else 300.0)
        due = time.time() + wait_s
        # While a server is away waiting is no try: the counter stands still.
        attempt = entry.attempt if away and entry.attempt >= self.tries else entry.attempt + 1
        _log.warning(
            "a fact will be tried again",
            stream=entry.stream,
            event=entry.event_id,
            attempt=entry.attempt,
            wait_s=round(wait_s, 2),
            error=repr(error),
        )
        if await self.settle(entry, "retry", attempt=attempt, due=due) == "retry":
            FACTS_RETRIED.labels(entry.stream).inc()
            self.on_retry(due)

    async def bury(self, entry: Entry, reason: str, error: BaseException, *, idle_ms: int | None = None) -> None:
        """Put the entry on the dead-letter stream, with all a person needs to judge it."""
        _log.error("a fact was given up", exc_info=error, stream=entry.stream, event=entry.event_id, reason=reason)
        fields = {
            "reason": reason,
            "detail": str(error)[:2000],
            "traceback": "".join(traceback.format_exception(error))[-8000:],
            "service": self._service,
            "stream": entry.stream,
            "event_id": entry.event_id,
        }
        if await self.settle(entry, "dead", attempt=entry.attempt, fields=fields, idle_ms=idle_ms) == "dead":
            FACTS_DEAD.labels(entry.stream, reason).inc()

    async def settle(
        self,
        entry: Entry,
        verdict: str,
        *,
        attempt: int,
        due: float = 0.0,
        fields: Mapping[str, str] | None = None,
        idle_ms: int | None = None,
    ) -> str:
        """Take the entry from our hands in one step; with ``idle_ms``, from whoever has been silent for so long.

        Returns the verdict, or ``lost`` or ``gone``. If Redis is away the entry stays, and the reaper will settle it.
        """
        keys = [entry.stream, delayed(entry.stream, self._service), dead_letters(entry.stream, self._service)]
        owner = self._consumer if idle_ms is None else ""
        pairs = [part for pair in (fields or {}).items() for part in pair]
        args = [self._service, owner, entry.id, idle_ms or 0, verdict, attempt, int(due * 1000), *pairs]
        try:
            outcome: bytes = await self._settle(keys=keys, args=args)
        except RedisError as error:
            _log.warning("an entry could not be settled; the reaper will", entry=entry.id, error=repr(error))
            return "lost"
        return outcome.decode()

    async def finish_last_words(self, timeout_s: float) -> None:
        """Wait until every entry that was handed back at shutdown is handed back."""
        if self._last_words:
            await asyncio.wait(self._last_words, timeout=timeout_s)

    async def _is_ours(self, entry: Entry) -> bool:
        try:
            return bool(await self._fence(keys=[entry.stream], args=[self._service, self._consumer, entry.id]))
        except RedisError:
            return False

    async def _keep(self, entry: Entry, job: asyncio.Future[Any]) -> None:
        """Renew the lease until cancelled; stop the job, and return, if it is lost."""
        misses = 0
        while True:
            await asyncio.sleep(self._lease_s / 3)
            misses = 0 if await self._is_ours(entry) else misses + 1
            if misses >= 2:
                job.cancel()
                return

    def _hand_back(self, entry: Entry) -> None:
        """Give the entry to whoever reads next, without burning a try. FastStream does not wait, so we remember."""

        async def give() -> None:
            await self.settle(entry, "again", attempt=entry.attempt)

        task = asyncio.create_task(give())
        self._last_words.add(task)
        task.add_done_callback(self._last_words.discard)


class _Around(BaseMiddleware[Any, Any]):
    def __init__(self, msg: Any, /, *, context: Any, deliveries: Deliveries, service: str) -> None:
        super().__init__(msg, context=context)
        self._deliveries = deliveries
        self._service = service
        self._parsed = False

    @override
    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> Any:
        self._parsed = True
        addressee = self._fields.get(b"for")
        if addressee is not None and addressee.decode() != self._service:
            return  # another group's retry on the stream we share
        await self._deliveries.deliver(self._entry(str(msg.message_id)), lambda: call_next(msg))

    @override
    async def after_processed(
        self, exc_type: type[BaseException] | None = None, exc_val: BaseException | None = None, exc_tb: Any = None
    ) -> bool | None:
        # A message whose envelope cannot be parsed never reaches consume_scope.
        if not self._parsed and isinstance(exc_val, Exception):
            await self._deliveries.bury(self._entry(""), "undecodable", exc_val)
        return False

    @property
    def _fields(self) -> dict[bytes, bytes]:
        fields: dict[bytes, bytes] = self.msg["data"]
        return fields

    def _entry(self, event_id: str) -> Entry:
        attempt = self._fields.get(b"attempt", b"1")
        return Entry(
            stream=self.msg["channel"],
            id=self.msg["message_ids"][0].decode(),
            attempt=int(attempt) if attempt.isdigit() else 1,
            event_id=event_id,
        )
