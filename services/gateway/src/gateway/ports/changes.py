"""Word of changed jobs, from replica to replica."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from chassis.database import UnitOfWork

__all__ = ["Bell", "Changes"]


class Bell(Protocol):
    """Rings when the job one listens for may have changed."""

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or after ``seconds``."""


class Changes(Protocol):
    """Word of changed jobs, to whoever listens in whichever replica. It may get lost: look for yourself at times."""

    def note(self, work: UnitOfWork, job_id: UUID) -> None:
        """Pass the word on once the work is committed."""

    def listen(self, job_id: UUID) -> AbstractAsyncContextManager[Bell]:
        """A bell for one job."""

    @property
    def reliable(self) -> bool:
        """Whether word comes through at the moment."""

    @property
    def over(self) -> bool:
        """Whether this replica is about to go: who listens should stop, and ask another one."""
