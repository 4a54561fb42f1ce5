"""What retention needs from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.retention import Retention

__all__ = ["Retentions"]


class Retentions(Protocol):
    """How long the tenant keeps what, and what is over its time."""

    async def get(self) -> Retention:
        """What was set, and else the defaults."""

    async def put(self, retention: Retention) -> None:
        """Set all of it."""

    async def alone(self) -> bool:
        """Whether nobody else looks through this tenant's things; if so, nobody will until this transaction ends."""

    async def videos_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Videos that are kept for longer than that, and that no unfinished job needs; locked."""

    async def scripts_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Scripts that are kept for longer than that, and that no unfinished job needs; locked."""

    async def forget_audit(self, *, days: int) -> int:
        """Forget lines of the audit that are kept for longer than that; returns how many."""
