"""How fast one may ask: classes of requests, each with a rate, counted for whoever asks and for their address."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

__all__ = ["Counted", "Rate", "RateClass", "Rates", "Standing", "Verdict", "class_of", "verdict_of"]

WINDOW_S = 60
"""Rates are so many requests a minute."""
_STREAM = re.compile(r"/v1/(?:.+/)?events(?:/stream)?")
_ANY_RATE = WINDOW_S * 1_000_000
_WHOSE = {":address:": "from your address", ":tenant:": "of your tenant's"}
_SLOT_WAIT_S = 5
"""What somebody with too many open streams is told to wait: nobody knows when they will close one."""


class RateClass(StrEnum):
    """Requests that are counted together."""

    READS = "reads"
    WRITES = "writes"
    UPLOADS = "uploads"
    """Bytes on their way in; a large file comes in many requests."""
    SIGN_IN = "sign-in"
    """Everything about tokens. Nobody is known yet, so the address counts alone."""
    RUNNERS = "runners"
    """Whatever machines ask that take chunks to upscale."""
    STREAMS = "streams"
    """Event streams: how often they are opened, and how many are open."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a minute, all of them at once if need be; they grow back one by one."""

    requests: int
    at_once: int | None = None
    """How many may be under way; unlimited when None."""

    @property
    def gap_us(self) -> int:
        """Microseconds in which one request grows back."""
        return max(1, WINDOW_S * 1_000_000 // self.requests)

    @property
    def policy(self) -> str:
        """As the header ``RateLimit-Policy`` says it."""
        return f"{self.requests};w={WINDOW_S}"


@dataclass(frozen=True, slots=True)
class Counted:
    """Somebody a request is counted for, at their rate."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Rates:
    """What the operator allows of each class, and to an address compared with one user."""

    of: dict[RateClass, Rate]
    address_factor: int
    tenant_streams: int = 1000

    def watched(self, tenant_id: UUID) -> Counted:
        """The event streams of a tenant, whoever opens them and as often as they like: their number is bounded."""
        return Counted(f"{RateClass.STREAMS}:tenant:{tenant_id}", Rate(_ANY_RATE, self.tenant_streams))

    def counted(self, kind: RateClass, *, address: str, caller: str | None) -> list[Counted]:
        """Whom a request is counted for: its caller, a user or an API key, and the address.

        Many users may share an address, so it has a multiple of what one user has; except for signing in, where the
        address is all there is.
        """
        rate = self.of[kind]
        if kind is RateClass.SIGN_IN:
            return [Counted(f"{kind}:address:{address}", rate)]
        factor = self.address_factor
        wide = Rate(rate.requests * factor, None if rate.at_once is None else rate.at_once * factor)
        everybody = Counted(f"{kind}:address:{address}", wide)
        return [everybody] if caller is None else [Counted(f"{kind}:{caller}", rate), everybody]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one count stands: what is left, when all of it is back, and the wait until one more fits (0: it fitted)."""

    remaining: int
    full_in_us: int
    wait_us: int
    slots_full: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is let in, and what its answer says about it."""

    rate: Rate
    """The one that is nearest to its end."""
    remaining: int
    reset_s: int
    retry_after_s: int
    """0 for a request that is let in."""
    detail: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-06, the last to give each number a field of its own."""
        return {
            "RateLimit-Limit": str(self.rate.requests),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
            "RateLimit-Policy": self.rate.policy,
        } | ({"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {})


def class_of(method: str, path: str) -> RateClass:
    """The class of a request; whatever is not known to be anything else is a read or a write by its method."""
    if path.startswith("/v1/auth/"):
        return RateClass.SIGN_IN
    if path == "/v1/runner" or path.startswith("/v1/runner/"):
        return RateClass.RUNNERS
    if path == "/v1/uploads" or path.startswith("/v1/uploads/"):
        return RateClass.READS if method == "GET" else RateClass.UPLOADS
    if method == "GET" and _STREAM.fullmatch(path):
        return RateClass.STREAMS
    return RateClass.READS if method in ("GET", "HEAD", "OPTIONS") else RateClass.WRITES


def verdict_of(kind: RateClass, counted: list[Counted], standings: list[Standing]) -> Verdict:
    """What follows from how the counts stand: the tightest one is told of; of those that refuse, the longest wait."""
    pairs = list(zip(counted, standings, strict=True))
    refusing = [(one, standing) for one, standing in pairs if standing.wait_us > 0 or standing.slots_full]
    if not refusing:
        one, standing = min(pairs, key=lambda pair: (pair[1].remaining / pair[0].rate.requests, pair[1].remaining))
        return Verdict(one.rate, standing.remaining, _seconds(standing.full_in_us), 0)
    one, standing = max(refusing, key=lambda pair: (pair[1].wait_us, pair[1].slots_full))
    wait_s = max(_seconds(standing.wait_us), _SLOT_WAIT_S if standing.slots_full else 1)
    whose = next((said for mark, said in _WHOSE.items() if mark in one.name), "of yours")
    if standing.slots_full:
        detail = f"{one.rate.at_once} event streams {whose} are open and no more may be: close one first"
    else:
        detail = f"{one.rate.requests} requests a minute ({kind}) {whose} are allowed: try again in {wait_s} s"
    return Verdict(one.rate, standing.remaining, max(wait_s, _seconds(standing.full_in_us)), wait_s, detail)


def _seconds(microseconds: int) -> int:
    return math.ceil(microseconds / 1_000_000)
