"""Who did what: the part of the API that people ask for when something has to be proven."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

__all__ = ["AuditEntry", "Compliance", "Outcome"]

M = TypeVar("M", bound=BaseModel)
Outcome = Literal["done", "refused", "failed"]


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AuditEntry(_Resource):
    """Who did what, when, from where, and what came of it."""

    id: UUID
    at: datetime
    action: str
    method: str
    resource: str
    resource_id: UUID | None = None
    outcome: Outcome
    status: int | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None
    address: str
    agent: str
    trace_id: str
    remark: str | None = None


class _Calls(Protocol):
    def _pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]: ...
    def _send(self, method: str, path: str, **request: object) -> httpx.Response: ...


class Compliance:
    """What ``Matchcut`` can prove; it takes an owner or an admin."""

    def audit(
        self: _Calls,
        *,
        user_id: UUID | None = None,
        action: str | None = None,
        resource_id: UUID | None = None,
        outcome: Outcome | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Who did what, newest first. Times need a time zone."""
        asked = {
            "user_id": user_id,
            "action": action,
            "resource_id": resource_id,
            "outcome": outcome,
            "since": since and since.isoformat(),
            "until": until and until.isoformat(),
        }
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return self._pages(AuditEntry, "/v1/audit", **given)

    def audit_csv(self: _Calls) -> str:
        """All of it, as a spreadsheet reads it."""
        return self._send("GET", "/v1/audit", params={"format": "csv"}).text
