"""The log of events: what happened, in an order that whoever comes back can go on from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.domain.notices import Notice

__all__ = ["Events", "Extent", "LoggedEvent"]


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place in the log."""

    position: int
    type: str
    job_id: UUID | None
    video_id: UUID | None
    body: str
    """The message as webhooks are sent it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a log reaches."""

    forgotten: int = 0
    """The place of the last event that is not kept any more."""
    last: int = 0
    erased: int = 0
    """How often some were taken out of the middle: whoever holds any reads them anew."""


class Events(Protocol):
    """Events of one tenant. They are added without a place; ``number`` gives places to those that are committed."""

    async def add(self, notices: Sequence[Notice], *, now: datetime) -> None:
        """Record what happened, as part of the transaction that makes it so."""

    async def number(self) -> int:
        """Give committed events their places, behind all that have one; returns to how many."""

    async def extent(self) -> Extent:
        """How far the log reaches."""

    async def after(self, position: int, *, limit: int) -> Sequence[LoggedEvent]:
        """The first events behind this place."""

    async def latest(self, *, limit: int) -> Sequence[LoggedEvent]:
        """The last events, in order."""

    async def erase(self, video_id: UUID) -> int:
        """Forget every event about a video; returns how many there were."""

    async def forget_old(self, *, older_than_s: float, beyond: int, limit: int) -> int:
        """Forget up to ``limit`` of the oldest that are older, or beyond so many newer ones; returns how many."""
