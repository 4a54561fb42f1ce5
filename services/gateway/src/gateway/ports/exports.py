"""What exports need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.domain.exports import Export

__all__ = ["Exports"]


class Exports(Protocol):
    """Exports of one tenant."""

    async def add(self, export: Export) -> None:
        """Record an export that is to be made."""

    async def get(self, export_id: UUID) -> Export | None:
        """One export."""

    async def running(self, *, media: bool) -> Export | None:
        """The one that is being made."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Export]:
        """The newest exports, older than the one named ``before``."""

    async def finish(self, export_id: UUID, *, at: datetime, size_bytes: int, sha256: str) -> None:
        """Record that it is there."""

    async def fail(self, export_id: UUID, reason: str, *, at: datetime) -> None:
        """Record that it will not be."""

    async def over(self, *, days: int, limit: int) -> Sequence[UUID]:
        """Exports that are kept for longer than that and not being made; locked."""

    async def forget(self, export_ids: Sequence[UUID]) -> int:
        """Forget these, once their bytes are gone; returns how many there were."""
