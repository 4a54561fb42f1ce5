"""Who is next: urgent before normal before bulk, and inside a class every tenant in turn."""

from collections import deque
from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.work._store import Candidate

__all__ = ["FairChoice"]


class FairChoice:
    """Deficit round-robin over tenants (Shreedhar and Varghese, 1995), with one task as the unit of cost.

    With unit costs the deficit is the number of turns a tenant is owed. A tenant that has nothing queued leaves the
    ring and loses what it was owed, so silence saves up no credit; one that is at its cap keeps its place.
    """

    def __init__(self, *, tenant_cap: int | None) -> None:
        self._cap = tenant_cap
        self._rings: dict[int, deque[UUID]] = {}

    def pick(self, candidates: Sequence[Candidate], running: Mapping[UUID, int], free: int) -> list[Candidate]:
        """Up to ``free`` of ``candidates``, which are in order of age; ``running`` counts those in flight by tenant."""
        in_flight = dict(running)
        chosen: list[Candidate] = []
        for priority in sorted({candidate.priority for candidate in candidates}):
            waiting: dict[UUID, deque[Candidate]] = {}
            for candidate in candidates:
                if candidate.priority == priority:
                    waiting.setdefault(candidate.tenant_id, deque()).append(candidate)
            self._take_turns(self._ring(priority, waiting), waiting, in_flight, chosen, free)
        return chosen

    def _ring(self, priority: int, waiting: Mapping[UUID, deque[Candidate]]) -> deque[UUID]:
        ring = deque(tenant for tenant in self._rings.get(priority, ()) if tenant in waiting)
        ring.extend(tenant for tenant in waiting if tenant not in ring)
        self._rings[priority] = ring
        return ring

    def _take_turns(
        self,
        ring: deque[UUID],
        waiting: Mapping[UUID, deque[Candidate]],
        in_flight: dict[UUID, int],
        chosen: list[Candidate],
        free: int,
    ) -> None:
        passes = 0
        while len(chosen) < free and passes < len(ring):
            tenant = ring[0]
            ring.rotate(-1)
            capped = self._cap is not None and in_flight.get(tenant, 0) >= self._cap
            if capped or not waiting[tenant]:
                passes += 1
                continue
            passes = 0
            chosen.append(waiting[tenant].popleft())
            in_flight[tenant] = in_flight.get(tenant, 0) + 1
