"""The audit: who did what, when, from where, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = ["Actor", "AuditFilter", "Entry", "Outcome", "Ration"]

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


class Ration:
    """How many lines one of us still gets: some at once, then one every so often. What gets none is counted."""

    def __init__(self, now: float, *, at_once: int, every_s: float) -> None:
        self._at_once = at_once
        self._every_s = every_s
        self._left = float(at_once)
        self._at = now
        self._untold = 0

    def take(self, now: float) -> int | None:
        """A line, and how many got none since the last one; None if this one gets none either."""
        self._left = min(float(self._at_once), self._left + (now - self._at) / self._every_s)
        self._at = now
        if self._left < 1:
            self._untold += 1
            return None
        self._left -= 1
        untold, self._untold = self._untold, 0
        return untold

    def is_idle(self, now: float) -> bool:
        """Whether forgetting it changes nothing."""
        return not self._untold and self._left + (now - self._at) / self._every_s >= self._at_once
