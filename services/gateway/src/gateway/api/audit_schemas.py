"""The audit as clients see it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.audit import Entry, Outcome
from gateway.domain.seals import Integrity

__all__ = ["CSV_HEAD", "AuditEntry", "AuditIntegrity", "csv_line", "entry_view", "integrity_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"


class AuditEntry(BaseModel):
    """Who did what, when, from where, and what came of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "at": "2026-11-22T16:30:00Z",
                    "action": "erase_video",
                    "method": "DELETE",
                    "resource": f"/v1/videos/{_ID}",
                    "resource_id": _ID,
                    "outcome": "done",
                    "user_id": _ID,
                    "session_id": _ID,
                    "address": "203.0.113.7",
                    "agent": "matchcut-client",
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                }
            ]
        }
    )

    id: UUID
    at: datetime
    action: str = Field(description="The operation, by the name it has in this reference.")
    method: str
    resource: str = Field(description="The path, without its query.")
    resource_id: UUID | None = Field(default=None, description="What it was done to, or what was made.")
    outcome: Outcome = Field(description="`failed` is our fault. What was refused changed nothing.")
    status: int | None = Field(default=None, description="The status of the answer, where it was refused or failed.")
    user_id: UUID | None = None
    session_id: UUID | None = Field(default=None, description="The sign-in it was done with.")
    key_id: UUID | None = Field(default=None, description="The API key it was done with.")
    address: str = Field(description="The network address; of IPv6 the /64.")
    agent: str = Field(description="What the program called itself.")
    trace_id: str = Field(description="`X-Request-Id` of the answer.")
    remark: str | None = None


CSV_HEAD = tuple(AuditEntry.model_fields)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def entry_view(entry: Entry) -> AuditEntry:
    """One line."""
    return AuditEntry.model_validate(asdict(entry))


def csv_line(entry: Entry) -> list[str]:
    """One line for a spreadsheet, none of whose cells is a formula: the agent is whatever somebody chose to send."""
    shown: dict[str, Any] = entry_view(entry).model_dump(mode="json")
    cells = ("" if shown[name] is None else str(shown[name]) for name in CSV_HEAD)
    return [f"'{cell}" if cell.startswith(_FORMULAS) else cell for cell in cells]


class AuditIntegrity(BaseModel):
    """Whether the audit is what was written."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"state": "whole", "seals": 12, "lines": 11_873, "forgotten": 0, "digest": "9f86d081884c7d65…"}
            ]
        }
    )

    state: Literal["whole", "broken"] = Field(
        description="`broken`: a line was changed, added or taken out after it was sealed. Ask who keeps PostgreSQL."
    )
    seals: int = Field(description="Windows that were looked at. Lines are sealed some minutes after they are written.")
    lines: int = Field(description="Lines that are exactly what was sealed.")
    forgotten: int = Field(description="Windows some lines of which are gone since their retention is over.")
    digest: str = Field(description="Of the last seal. Keep it elsewhere: a chain written anew would have another.")
    broken_at: int | None = Field(default=None, description="The first seal that does not fit.")


def integrity_view(integrity: Integrity) -> AuditIntegrity:
    """What the seals say."""
    return AuditIntegrity.model_validate(asdict(integrity))
