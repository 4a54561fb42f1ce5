"""What the audit needs from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.audit import AuditFilter, Entry
from gateway.domain.seals import Seal

__all__ = ["Audit", "Seals"]


class Audit(Protocol):
    """The audit of one tenant. Nothing in it can be changed or taken out."""

    async def add(self, entry: Entry) -> None:
        """Write one line."""

    async def page(self, asked: AuditFilter, *, before: UUID | None, limit: int) -> Sequence[Entry]:
        """The newest lines that are meant, older than the one named ``before``."""


class Seals(Protocol):
    """Seals over the audit of one tenant. Like its lines, they cannot be changed."""

    async def horizon(self) -> int:
        """Up to where nothing will be written any more."""

    async def last(self) -> Seal | None:
        """The newest seal."""

    async def page(self, *, after: int, limit: int) -> Sequence[Seal]:
        """Seals behind a position, in order."""

    async def lines(self, from_xact: int, to_xact: int) -> Sequence[Entry]:
        """The lines of a window, in the order of their ids."""

    async def end_of_window(self, from_xact: int, to_xact: int, *, lines: int) -> int:
        """Where a window that begins there ends, to hold about so many lines and no half transaction."""

    async def add(self, seal: Seal) -> None:
        """Record a seal."""

    async def may_be_gone(self, seal: Seal, *, days: int | None) -> bool:
        """Whether the retention of some of its lines is over."""
