"""What retention needs from outside."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.held import HeldKind
from gateway.domain.retention import Kind, Over, Retention, SaidRetention, VideoKind

__all__ = ["Retentions"]


class Retentions(Protocol):
    """How long the tenant keeps what, and what is over its time."""

    async def said(self) -> SaidRetention:
        """What the tenant has set."""

    async def put(self, retention: Retention) -> None:
        """Set all of it."""

    async def alone(self) -> bool:
        """Whether nobody else looks through this tenant's things; if so, nobody will until this transaction ends."""

    async def videos_over(self, kind: VideoKind, *, days: int, limit: int) -> Sequence[UUID]:
        """Videos that are over their time, or a part of them is, and that no unfinished job needs; locked."""

    async def found_over(self, kind: HeldKind, *, days: int, limit: int) -> Mapping[UUID, Collection[UUID]]:
        """Jobs whose findings of a class are over their time, by video; nothing is locked."""

    async def scripts_over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Scripts that are kept for longer than that, and that no unfinished job needs; locked."""

    async def forget_usage(self, *, days: int) -> int:
        """Forget what was used longer ago than that; returns how many lines there were."""

    async def over(self, kind: Kind, *, days: int, some: int) -> Over:
        """What is over its time, and not held up by a job; nothing is locked or changed."""

    async def forget_audit(self, *, days: int) -> int:
        """Forget lines of the audit that are kept for longer than that; returns how many."""
