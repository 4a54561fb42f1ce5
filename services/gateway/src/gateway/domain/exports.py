"""Exports: everything a tenant has, in one file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = ["Export", "ExportState", "export_key"]

ExportState = Literal["running", "ready", "failed"]


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
