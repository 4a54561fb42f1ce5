"""What any service says once it holds nothing any more of what was to be erased."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["TracesErased"]


class TracesErased(Fact):
    """A service has deleted all it held. It names the erasure and not what was erased, which is to be forgotten."""

    stream: ClassVar[str] = "traces.erased.v1"

    erasure_id: UUID
    rows: dict[str, int] = Field(default_factory=dict)
    """How many were deleted, by kind: tables, ``tasks``, ``outbox`` and ``redis``."""
    blobs: dict[str, int] = Field(default_factory=dict)
    """How many were deleted, by class and folder, without ids: ``derived/transcript``."""
