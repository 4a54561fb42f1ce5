"""What runners need from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.runners import Runner

__all__ = ["Runners"]


class Runners(Protocol):
    """Runners of one tenant."""

    async def add(self, runner: Runner) -> None:
        """Record an invitation."""

    async def get(self, runner_id: UUID, *, lock: bool = False) -> Runner | None:
        """One."""

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Runner]:
        """The newest, older than the one named ``before``."""

    async def save(self, runner: Runner) -> None:
        """Overwrite what may change of one."""
