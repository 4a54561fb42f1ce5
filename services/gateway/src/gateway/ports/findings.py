"""What jobs found, what people say of it, and reference pictures: their rows, and what decodes a picture."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contracts.documents import Correction
from gateway.domain.findings import Finding, Kind, Narrowed
from gateway.domain.logos import Logo, PictureMeasures
from gateway.domain.reviews import Revision

__all__ = ["Findings", "Logos", "Pictures", "Reviews"]


class Findings(Protocol):
    """What jobs of one tenant found."""

    async def add(self, finding: Finding) -> None:
        """Record what a step found; the same step of the same job again changes nothing."""

    async def get(self, kind: Kind, id_: UUID) -> Finding | None:
        """One, by its own id or its job's."""

    async def page(self, kind: Kind, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Finding]:
        """The newest, older than the one named ``before``."""

    async def revise(self, job_id: UUID, run: int, *, revision: int, files: Mapping[str, str]) -> bool:
        """Note where an alignment's newest exports are; False if newer ones stand already."""

    async def of_jobs(self, job_ids: Sequence[UUID], kinds: Sequence[Kind]) -> Sequence[Finding]:
        """What these jobs found of these kinds, and is there; the oldest first."""

    async def deleted(self, *, job_id: UUID) -> Sequence[Finding]:
        """What a job found and is deleted."""

    async def delete(self, finding_id: UUID, names: Sequence[str], *, at: datetime, erasure_id: UUID) -> None:
        """Keep of a finding that it was there, and what its job's results were called."""

    async def erase(self, video_id: UUID) -> Mapping[str, int]:
        """Forget what was found in a video, and what people said of it; returns how many rows of what."""


class Reviews(Protocol):
    """What people of one tenant say of lines of a script in a video."""

    async def hold(self, video_id: UUID, script_id: UUID) -> None:
        """Make whoever else changes what is said of the two wait until this transaction ends."""

    async def revision(self, video_id: UUID, script_id: UUID) -> int:
        """How often people have changed what is said; 0 for never."""

    async def said(self, video_id: UUID, script_id: UUID) -> Mapping[str, Correction]:
        """What is said now, by key."""

    async def record(self, revision: Revision) -> None:
        """Record a change, and what is said from now on."""

    async def to_undo(self, video_id: UUID, script_id: UUID) -> Revision | None:
        """The newest change that was not taken back."""

    async def history(self, video_id: UUID, script_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Revision]:
        """The newest changes, older than the one named ``before``."""


class Logos(Protocol):
    """Reference pictures of one tenant."""

    async def add(self, logo: Logo) -> Logo:
        """Record a picture; the one that is there already if it has the same bytes."""

    async def get(self, logo_id: UUID) -> Logo | None:
        """One."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Logo]:
        """The newest, older than the one named ``before``."""

    async def some(self, logo_ids: Sequence[UUID]) -> Sequence[Logo]:
        """Those of them that are there."""

    async def count(self) -> int:
        """How many there are. Whoever else counts waits until this transaction has ended."""

    async def remove(self, logo_id: UUID) -> None:
        """Forget one."""


class Pictures(Protocol):
    """Whatever decodes pictures."""

    async def measure(self, content: bytes) -> PictureMeasures:
        """What a picture is, decoded whole. Raises UnusablePicture."""
