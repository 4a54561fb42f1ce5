"""What deleting class by class needs from outside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.domain.erasures import Erasure, Kind
from gateway.domain.held import HeldKind

__all__ = ["Holdings"]


class Holdings(Protocol):
    """What there is of videos of one tenant, class by class."""

    async def found(self, video_id: UUID) -> Mapping[HeldKind, tuple[int, datetime | None]]:
        """How many findings of each class a video has, and from when the time of the oldest is counted."""

    async def ended(self, video_id: UUID) -> tuple[int, datetime | None]:
        """How many jobs have ended for a video, and when the last one did."""

    async def last(self, video_id: UUID) -> Mapping[Kind, Erasure]:
        """The newest erasure of each kind that a video had, without its answers."""
