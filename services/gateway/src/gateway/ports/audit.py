"""What the audit needs from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.audit import AuditFilter, Entry

__all__ = ["Audit"]


class Audit(Protocol):
    """The audit of one tenant. Nothing in it can be changed or taken out."""

    async def add(self, entry: Entry) -> None:
        """Write one line."""

    async def page(self, asked: AuditFilter, *, before: UUID | None, limit: int) -> Sequence[Entry]:
        """The newest lines that are meant, older than the one named ``before``."""
