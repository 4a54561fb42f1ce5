"""What rate limits need from outside: counts that all replicas share."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from gateway.domain.rates import RateClass, Verdict

__all__ = ["Admission", "Limiter"]


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was looked at."""

    verdict: Verdict | None
    """None while nobody can count: then the request is let in."""
    places: tuple[str, ...] = ()
    """Where it holds a place among those under way, as ``ticket``."""
    ticket: str = ""


class Limiter(Protocol):
    """Counts requests."""

    async def admit(self, kind: RateClass, *, address: str, caller: str | None) -> Admission:
        """Count a request, unless one of its counts is used up: then it counts for none."""

    async def watch(self, tenant_id: UUID) -> Admission:
        """Take a place among the event streams of a tenant, unless all of them are taken."""

    async def still_here(self, admission: Admission) -> None:
        """Keep the places of a request that is under way; they are lost after ``hold_s`` of silence."""

    async def over(self, admission: Admission) -> None:
        """Give the places back."""

    @property
    def hold_s(self) -> float:
        """How long a place is kept for a request of which nothing is heard."""
