"""What the customers of a chaos run were promised: kept by them, and held against the databases at the end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

__all__ = ["AcceptedJob", "AcceptedVideo", "Journal"]


@dataclass
class AcceptedVideo:
    """A video the API took."""

    id: UUID
    tenant: UUID
    fates: dict[str, Any]
    erased: bool = False


@dataclass
class AcceptedJob:
    """A job the API took."""

    id: UUID
    video: AcceptedVideo
    steps: tuple[str, ...]
    align_fate: str | None
    cancelled: bool = False
    """The API said that it was called off."""
    runs: int = 1
    script: UUID | None = None


@dataclass
class Journal:
    """Everything that a 2xx came for, and how the answers went."""

    videos: dict[UUID, AcceptedVideo] = field(default_factory=dict)
    scripts: dict[UUID, UUID] = field(default_factory=dict)
    """Tenant by script."""
    jobs: dict[UUID, AcceptedJob] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    """HTTP status, or the name of what came instead of an answer, by how often."""
    letters: Counter[str] = field(default_factory=Counter)
    """Messages to webhooks by id: how often each was taken."""
    surprises: list[str] = field(default_factory=list)
    """Answers that no outage explains."""
    erased_scripts: set[UUID] = field(default_factory=set)
    erased_users: set[UUID] = field(default_factory=set)
    tried: set[tuple[UUID, str]] = field(default_factory=set)
    """Video and class that somebody asked to be deleted, whatever the answer was."""
    deleted: set[tuple[UUID, str]] = field(default_factory=set)
    """Those of them for which the API said that it will be done."""
    keepers: dict[UUID, set[str]] = field(default_factory=dict)
    """Tenants that keep some classes for a day, and which."""
