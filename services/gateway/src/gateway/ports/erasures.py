"""What erasures need from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.database import UnitOfWork
from gateway.domain.erasures import Answer, Erasure

__all__ = ["Erasures", "Receipts"]


class Erasures(Protocol):
    """Erasures of one tenant, and the rows that only an erasure deletes."""

    async def add(self, erasure: Erasure, *, token_hash: str | None = None) -> None:
        """Record an erasure. Its receipt can be had without signing in by whoever has the token."""

    async def get(self, erasure_id: UUID, *, lock: bool = False) -> Erasure | None:
        """One erasure with its answers; locked, nobody else changes it before this transaction ends."""

    async def of(self, subject_id: UUID) -> Erasure | None:
        """The newest erasure of something."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Erasure]:
        """The newest erasures, older than the one named ``before``."""

    async def receipt(self, token_hash: str) -> str | None:
        """The receipt that belongs to a token; None while there is none."""

    async def answer(self, erasure_id: UUID, answer: Answer) -> None:
        """Record what a service deleted; what it deletes later is added."""

    async def unanswered(self, *, asked_before: datetime, limit: int) -> Sequence[Erasure]:
        """Erasures on which services stay silent, locked; those another transaction holds are left out."""

    async def running_parts(self, video_id: UUID) -> Sequence[Erasure]:
        """Erasures of parts of a video that are not concluded, locked."""

    async def asked(self, erasure_id: UUID, at: datetime) -> None:
        """Note that the services were asked again."""

    async def complete(self, erasure_id: UUID, *, at: datetime, receipt: str) -> None:
        """Record the receipt."""

    async def rows_of_video(self, video_id: UUID) -> Mapping[str, int]:
        """Delete what is left of an erased video and its jobs; returns how many rows of what."""

    async def rows_of_script(self, script_id: UUID) -> Mapping[str, int]:
        """Delete a script, and that jobs had it; returns how many rows of what."""

    async def rows_of_user(self, user_id: UUID) -> Mapping[str, int]:
        """Delete a user with all that is theirs alone; returns how many rows of what."""

    async def replies(self, about: UUID) -> Mapping[str, int]:
        """Delete first answers in which this id stands; returns how many rows of what."""

    async def mentions(self, about: UUID) -> Mapping[str, int]:
        """Delete first answers, settled messages and events in which this id stands; returns how many rows of what."""

    async def depart(self) -> Mapping[str, int]:
        """Note that nothing is left of the transaction's tenant but what is kept; returns how many rows of what."""

    async def departed(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Tenants of whom nothing is left but what is kept, in order, page by page; for whoever looks after that."""

    async def rest(self) -> bool:
        """Nobody has to look after the transaction's tenant any more: its audit is forgotten, no erasure is running."""

    async def indexed(self, *, limit: int) -> Sequence[tuple[UUID | None, UUID | None]]:
        """Some of what can be found by searching: of each the video, or else the script."""

    async def job_counts(self) -> None:
        """Forget how many jobs the tenant has."""


class Receipts(Protocol):
    """Signed receipts."""

    async def sign(self, work: UnitOfWork, claims: Mapping[str, Any]) -> str:
        """A receipt as a JWS. The key that verifies it is kept for ever, from this commit on."""

    async def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """All keys that verify receipts, as a JSON Web Key Set."""
