"""The audit: who did what, when, from where, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = ["Actor", "AuditFilter", "Entry", "Outcome"]

Outcome = Literal["done", "refused", "failed"]
"""``failed`` is our fault; what was refused changed nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, as far as it was proven."""

    tenant_id: UUID
    user_id: UUID | None
    session_id: UUID | None = None
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. It never holds a body, a secret, a name or an address of e-mail."""

    id: UUID
    action: str
    """The operation, as in the reference: ``erase_video``."""
    method: str
    resource: str
    """The path, without its query."""
    resource_id: UUID | None
    """The last id in the path, or that of what was made."""
    outcome: Outcome
    status: int | None
    """The status it was refused with; None for what was done, which was written before it was answered."""
    user_id: UUID | None
    session_id: UUID | None
    key_id: UUID | None
    address: str
    agent: str
    trace_id: str
    remark: str | None = None
    at: datetime | None = None
    """Filled in by the database."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are meant; what is not given does not matter."""

    user_id: UUID | None = None
    action: str | None = None
    resource_id: UUID | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
