"""Rates in Redis: one script, no round trip of its own, the same counts for all replicas.

The algorithm is GCRA, the leaky bucket of ATM networks: a count is one number, the moment at which all its requests
will have grown back. The library ``limits`` was looked at and counts one limit a call, without its numbers; a request
is counted twice here (caller, address) and says how both stand, which would be four round trips.

While Redis is away everybody is let in: see ``docs/limits.md``.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from prometheus_client import Counter
from redis.exceptions import NoScriptError, RedisError

from chassis.telemetry import get_logger
from gateway.adapters.trips import Trips, answer_of
from gateway.domain.rates import Counted, RateClass, Rates, Standing, verdict_of
from gateway.ports.rates import Admission

__all__ = ["UNCOUNTED", "RedisLimiter"]

_log = get_logger(__name__)
_PAUSE_S = 1.0
"""After a failure Redis is left alone for so long, so that not every request waits in vain."""

UNCOUNTED = Counter("gateway_rate_uncounted_total", "Requests that were let in uncounted, because Redis was away.")

# KEYS: the counts, then as many places where requests under way are listed. ARGV: how many counts, and for each the gap
# and the number of requests; then how long a place is kept, the ticket, and for each list how many it may hold.
# Numbers are written with string.format, since Lua would round those of sixteen digits.
_ADMIT = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local counts = tonumber(ARGV[1])
local answer, tats, let_in = {}, {}, true
for i = 1, counts do
  local gap, most = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local used = math.max(0, (tonumber(redis.call('GET', KEYS[i])) or 0) - now)
  local wait = math.max(0, used + gap - gap * most)
  if wait > 0 then let_in = false end
  tats[i] = {used, gap, most, wait}
end
local hold = 2 * counts + 2
local full = {}
for i = counts + 1, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', now))
  full[i - counts] = redis.call('ZCARD', KEYS[i]) >= tonumber(ARGV[hold + 1 + i - counts]) and 1 or 0
  if full[i - counts] == 1 then let_in = false end
end
for i = 1, counts do
  local used, gap, most, wait = unpack(tats[i])
  if let_in then
    used = used + gap
    redis.call('SET', KEYS[i], string.format('%.0f', now + used), 'PX', math.ceil(used / 1000))
  end
  answer[#answer + 1] = math.max(0, math.floor((gap * most - used) / gap))
  answer[#answer + 1] = math.ceil(used)
  answer[#answer + 1] = math.ceil(wait)
  answer[#answer + 1] = full[i] or 0
end
if let_in then
  for i = counts + 1, #KEYS do
    redis.call('ZADD', KEYS[i], string.format('%.0f', now + ARGV[hold] * 1000), ARGV[hold + 1])
    redis.call('PEXPIRE', KEYS[i], ARGV[hold])
  end
end
return answer
"""
_STILL_HERE = """
local t = redis.call('TIME')
for i = 1, #KEYS do
  redis.call('ZADD', KEYS[i], string.format('%.0f', t[1] * 1000000 + t[2] + ARGV[1] * 1000), ARGV[2])
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
end
"""
_OVER = "for i = 1, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end"

_DIGESTS = {script: hashlib.sha1(script.encode()).hexdigest() for script in (_ADMIT, _STILL_HERE, _OVER)}
"""By which Redis knows them."""


class RedisLimiter:
    """Counts requests in Redis; a port of the API."""

    def __init__(self, trips: Trips, rates: Rates, *, hold_s: float = 60.0) -> None:
        self._trips = trips
        self._rates = rates
        self._hold_s = hold_s
        self._not_before = 0.0
        self._away = False

    @property
    def hold_s(self) -> float:
        """How long a place is kept for a request of which nothing is heard."""
        return self._hold_s

    async def admit(self, kind: RateClass, *, address: str, caller: str | None) -> Admission:
        """Count a request, unless one of its counts is used up: then it counts for none."""
        return await self._counted(kind, self._rates.counted(kind, address=address, caller=caller))

    async def watch(self, tenant_id: UUID) -> Admission:
        """Take a place among the event streams of a tenant, unless all of them are taken."""
        return await self._counted(RateClass.STREAMS, [self._rates.watched(tenant_id)])

    async def _counted(self, kind: RateClass, counted: list[Counted]) -> Admission:
        places = tuple(f"gateway.open:{one.name}" for one in counted if one.rate.at_once is not None)
        ticket = uuid4().hex
        answer = await self._ask(_ADMIT, *_admit_arguments(counted, places, self._hold_s, ticket))
        if answer is None:
            UNCOUNTED.inc()
            return Admission(None)
        standings = [
            Standing(remaining, full_in, wait, bool(full))
            for remaining, full_in, wait, full in zip(*[iter(answer)] * 4, strict=True)
        ]
        verdict = verdict_of(kind, counted, standings)
        return Admission(verdict, () if verdict.retry_after_s else places, ticket)

    async def still_here(self, admission: Admission) -> None:
        """Keep the places of a request that is under way, also in a Redis that has lost them."""
        if admission.places:
            await self._ask(_STILL_HERE, admission.places, [int(self._hold_s * 1000), admission.ticket])

    async def over(self, admission: Admission) -> None:
        """Give the places back. If Redis does not hear it, they end by themselves."""
        if admission.places:
            await self._ask(_OVER, admission.places, [admission.ticket])

    async def _ask(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """The answer of Redis; None while it is away."""
        if time.monotonic() < self._not_before:
            return None
        known = _DIGESTS[script]
        try:
            try:
                answer = await answer_of(self._trips.ask("EVALSHA", known, len(keys), *keys, *arguments))
            except NoScriptError:  # a new Redis, or an emptied one
                answer = await answer_of(self._trips.ask("EVAL", script, len(keys), *keys, *arguments))
        except (RedisError, OSError) as error:
            self._not_before = time.monotonic() + _PAUSE_S
            if not self._away:
                _log.warning("requests are not counted: Redis is away, and everybody is let in", error=repr(error))
            self._away = True
            return None
        if self._away:
            _log.info("requests are counted again")
            self._away = False
        return answer


def _admit_arguments(
    counted: list[Counted], places: tuple[str, ...], hold_s: float, ticket: str
) -> tuple[list[str], list[Any]]:
    keys = [f"gateway.rate:{one.name}" for one in counted]
    rates = [number for one in counted for number in (one.rate.gap_us, one.rate.requests)]
    most = [one.rate.at_once for one in counted if one.rate.at_once is not None]
    return [*keys, *places], [len(counted), *rates, int(hold_s * 1000), ticket, *most]
