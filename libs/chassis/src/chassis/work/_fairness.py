"""Who is next: urgent before normal before bulk, and inside a class every tenant in turn."""

from collections.abc import Mapping, Sequence
from uuid import UUID

__all__ = ["FairChoice"]

_NOBODY = UUID(int=0)


class FairChoice:
    """Round-robin over tenants with one task as the unit: deficit round-robin (Shreedhar and Varghese, 1995) whose
    quantum is one task of cost one, so that nobody is ever owed more than a turn.

    The ring is the order of the tenants' ids and goes on after whoever was served last. So a turn needs no list of
    all tenants, neither here nor in the database: the next few are enough. A tenant that has nothing queued saves up
    no credit; one that is at its cap is passed over.
    """

    def __init__(self, *, tenant_cap: int | None) -> None:
        self._cap = tenant_cap
        self._served: dict[int, UUID] = {}

    def after(self, priority: int) -> UUID:
        """The tenant that was served last in this class: the ring goes on behind it."""
        return self._served.get(priority, _NOBODY)

    def served(self, priority: int, tenant_id: UUID) -> None:
        """Remember who had the last turn."""
        self._served[priority] = tenant_id

    def full(self, in_flight: Mapping[UUID, int]) -> int:
        """How many tenants are at their cap: so many more of the ring must be looked at."""
        return 0 if self._cap is None else sum(count >= self._cap for count in in_flight.values())

    def shares(self, ring: Sequence[UUID], in_flight: Mapping[UUID, int], free: int) -> dict[UUID, int]:
        """How many of ``free`` places each tenant of the ring may take, if it has so many tasks; in order of turns."""
        room = {tenant: self._room(in_flight.get(tenant, 0), free) for tenant in ring}
        shares: dict[UUID, int] = {}
        while free > 0 and room:
            for tenant in list(room):
                if free == 0:
                    break
                if room[tenant] == 0:
                    del room[tenant]
                    continue
                room[tenant] -= 1
                shares[tenant] = shares.get(tenant, 0) + 1
                free -= 1
        return shares

    def _room(self, in_flight: int, free: int) -> int:
        return free if self._cap is None else max(0, min(free, self._cap - in_flight))
