"""What taking in a video needs from outside, and nothing about who gives it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from contracts.documents import Media
from contracts.gateway import VideoSubmitted
from contracts.ingest import RejectionReason
from ingest.domain.refusal import Allowance, Limits

__all__ = ["Examine", "Order", "Terms", "Videos"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every file."""

    limits: Limits
    allowance: Allowance
    proxy_longest: int
    """Pixels of the longer side of proxy and poster, at most."""


@dataclass(frozen=True, slots=True)
class Order:
    """One file to be taken in."""

    source: Path
    sha256: str
    """As the client's upload had it; the file is checked against it."""
    folder: Path
    """Empty; what is derived is written here, under the names of ``ingest.domain.keys``."""
    terms: Terms


Examine = Callable[[Order], Media]
"""Take in a file. Raises Refused for one that is turned away. Without sound there is no ``audio.wav`` in the folder."""


class Videos(Protocol):
    """What the service remembers of videos, within one transaction of one tenant."""

    async def add(self, video: VideoSubmitted) -> bool:
        """Remember a video that came; False if it is known already, or was erased before it came."""
        ...

    async def admit(self, video_id: UUID, media: Media) -> None:
        """Record what it is."""
        ...

    async def turn_away(self, video_id: UUID, reason: RejectionReason, detail: str) -> None:
        """Record why it was not taken in."""
        ...

    async def erase(self, video_id: UUID) -> str | None:
        """Forget it, so that it never comes again; returns the sha256 it had."""
        ...

    async def release(self, video_id: UUID) -> str | None:
        """Forget which content it came as; returns the sha256 of it, None if that is forgotten or it is not there."""
        ...

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        ...

    async def hold(self, sha256: str) -> bool:
        """Whether any video of the tenant, not turned away, has this content."""
        ...
