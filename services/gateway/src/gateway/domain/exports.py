"""Exports: everything a tenant has, in one file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = ["EXPORTED_ROWS", "WITHHELD", "Export", "ExportState", "export_key"]

ExportState = Literal["running", "ready", "failed"]

EXPORTED_ROWS: Mapping[str, frozenset[str]] = {
    "tenants": frozenset(),
    "sessions": frozenset(),
    "identity_providers": frozenset({"sealed_secret"}),
    "external_identities": frozenset(),
    "uploads": frozenset({"key", "writer"}),
    "transfers": frozenset({"source", "writer"}),
    "findings": frozenset({"key", "files"}),
    "corrections": frozenset(),
    "ledger_revisions": frozenset(),
    "events": frozenset({"seq"}),
    "webhook_deliveries": frozenset(),
    "usage_entries": frozenset(),
    "storage_counts": frozenset(),
    "storage_days": frozenset(),
    "tenant_quotas": frozenset(),
    "budgets": frozenset(),
    "retentions": frozenset(),
    "runners": frozenset(),
    "exports": frozenset(),
    "audit_seals": frozenset(),
}
"""What an export holds row by row, beside what it holds as the API shows it; and which columns it leaves out: secrets,
also sealed ones, and what names a place in our store."""

WITHHELD: Mapping[str, str] = {
    "erasure_answers": "is in erasures.json",
    "refresh_tokens": "proofs of sessions, of no use to who has them as we do; sessions.json lists the sessions",
    "sign_in_flows": "secrets of sign-ins that are going on, for minutes",
    "idempotency_keys": "first answers to requests, for a day, of what is exported itself",
    "event_heads": "how far events are numbered",
    "webhook_queue": "when messages are tried next; webhook_deliveries.json has what became of them",
    "webhook_lanes": "which webhooks are paused",
    "search_documents": "the index, made of the transcripts and scripts that are here",
    "search_passages": "the index, made of the transcripts and scripts that are here",
    "search_spellings": "the index, made of the transcripts and scripts that are here",
    "search_words": "the index, made of the transcripts and scripts that are here",
    "search_queue": "which documents wait for the index",
}
"""What no export holds, and why. Every table behind the wall is here, there or shown by the API; a test counts."""


@dataclass(frozen=True, slots=True)
class Export:
    """One file, from when it was asked for."""

    id: UUID
    media: bool
    """Whether films and pictures are in it."""
    requested_by: UUID
    created_at: datetime
    state: ExportState = "running"
    finished_at: datetime | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    reason: str | None = None
    """Why it failed."""


def export_key(tenant_id: UUID, export_id: UUID) -> str:
    """Where its bytes are."""
    return f"derived/{tenant_id}/exports/{export_id}.zip"
