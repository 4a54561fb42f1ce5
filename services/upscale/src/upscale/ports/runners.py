"""What runners need from outside: a addresses for bytes, and words for machines, offers and leases."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.runners import RunnerScope, RunnerWish
from upscale.domain.plan import Plan
from upscale.domain.runners import Policy
from upscale.ports import ChunkRow, PlanRow

__all__ = [
    "Allowed",
    "ByteAddresses",
    "Check",
    "CheckOrder",
    "Checked",
    "Dispatcher",
    "Errand",
    "Intervals",
    "LeaseRow",
    "MayWrite",
    "Offer",
    "Priority",
    "Registration",
    "Runner",
    "SignedPaths",
    "Standing",
    "TellProgress",
]


Priority = Literal["urgent", "normal", "bulk"]


@dataclass(frozen=True)
class Intervals:
    """What the server sets, and what runners keep to."""

    lease_s: float = 60.0
    """A runner that has been silent for so long has lost its chunk, after the grace."""
    grace_s: float = 30.0
    poll_s: float = 25.0
    """How long a question for work may wait."""
    gone_s: float = 120.0
    """A runner without a chunk that was silent for so long is gone."""
    patience_s: float = 20.0
    """How long a chunk that anybody may make is kept for runners before the pool may have it too."""
    straggler_s: float = 300.0
    """A chunk that one runner holds for so long is given to another too, when that one has nothing else to do."""
    url_s: float = 3600.0
    """How long an address for bytes is good."""
    target_s: float = 120.0
    """Work that a chunk is aimed at."""
    tries: int = 5
    """Failures after which a chunk is given up, whoever failed."""
    quarantine_after: int = 3
    """Failures in a row after which a runner gets nothing more until an operator releases it."""


@dataclass(frozen=True)
class Runner:
    """A machine that was invited, and perhaps registered."""

    runner_id: UUID
    tenant_id: UUID
    """Whose operator invited it."""
    scope: RunnerScope
    labels: tuple[str, ...]
    expires_at: datetime
    name: str = ""
    token_sha256: str = ""
    secret_sha256: str | None = None
    former_sha256: str | None = None
    """The secret before, good until ``former_until``."""
    former_until: datetime | None = None
    rotate: bool = False
    """Its secret is to be replaced."""
    ephemeral: bool = False
    machine: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """Digests of the models it has."""
    registered_at: datetime | None = None
    seen_at: datetime | None = None
    online: bool = False
    quarantined: str | None = None
    """Why it is in quarantine."""
    revoked: bool = False
    wish: RunnerWish = "work"
    """What its operator wants of it."""
    failures: int = 0
    """In a row."""
    chunks_done: int = 0


@dataclass(frozen=True)
class Registration:
    """What a machine says of itself."""

    name: str
    ephemeral: bool
    machine: str
    capabilities: dict[str, Any]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """A chunk that runners may take."""

    chunk_id: UUID
    tenant_id: UUID
    job_id: UUID
    run: int
    video_id: UUID
    manifest_sha256: str
    index: int
    frames: int
    model_sha256: str
    policy: Policy
    priority: Priority
    start_s: float = 0.0
    """Seconds of the film at which it begins, for people who are told that it failed."""
    end_s: float = 0.0
    frame_megapixels: float = 0.0
    """Of one frame of the result: what time is proportional to."""
    state: Literal["open", "leased", "pooled", "done", "failed", "withdrawn"] = "open"
    token: int = 0
    """Of the last lease."""
    tries: int = 0
    failed_on: tuple[UUID, ...] = ()
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class LeaseRow:
    """A chunk in one runner's hands."""

    chunk_id: UUID
    token: int
    tenant_id: UUID
    runner_id: UUID
    state: Literal[
        "claimed", "working", "uploaded", "accepted", "rejected", "superseded", "failed", "lapsed", "cancelled"
    ]
    lease_until: datetime
    output_key: str
    frames_done: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    claimed_at: datetime | None = None
    changed_at: datetime | None = None
    """When it came into this state."""


@dataclass(frozen=True)
class Standing:
    """A lease and the offer it is of, as a runner's word finds them."""

    lease: LeaseRow
    offer: Offer

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for this runner's result."""
        return self.offer.state in ("leased", "pooled")


@dataclass(frozen=True)
class Errand:
    """How a chunk is wanted."""

    priority: Priority
    policy: Policy
    start_s: float
    end_s: float
    """When it begins and ends in the film, for people."""
    token: int = 0
    """Of the last lease it had: above 0 when it comes back from a runner."""
    frame_megapixels: float = 0.0
    """Of one frame of the result."""


class Dispatcher(Protocol):
    """Gives chunks to machines of one kind."""

    async def send(self, work: UnitOfWork, plan: PlanRow, chunk: ChunkRow, errand: Errand) -> None:
        """Have a chunk made, once, within this transaction."""
        ...


class ByteAddresses(Protocol):
    """Where runners fetch and leave bytes: signed, for a while, for one blob."""

    async def to_read(self, key: str) -> str:
        """An address that answers with a blob, in ranges."""
        ...

    async def to_write(self, key: str, *, size: int | None = None) -> str:
        """An address that takes a blob, in pieces, by Content-Range."""
        ...


@dataclass(frozen=True)
class Allowed:
    """What an address lets its holder do."""

    key: str
    what: Literal["read", "write"]


class MayWrite(Protocol):
    """Whether bytes may be handed in under a key: somebody waits for them, and the lease that they are of is alive."""

    async def __call__(self, key: str, /) -> bool:
        """Ask."""
        ...


class SignedPaths(Protocol):
    """Addresses of ours that carry their own proof."""

    def read(self, claim: str, proof: str) -> Allowed | None:
        """What one allows; None if it is not ours, or too old."""
        ...


@dataclass(frozen=True)
class CheckOrder:
    """Is this chunk what it should be?"""

    source: Path
    chunk: Path
    plan: Plan
    """Whose only chunk is the one in question."""
    sha256: str
    size: int


@dataclass(frozen=True)
class Checked:
    """What was found on a chunk."""

    frames: int
    sha256: str
    setup_sha256: str
    """Digest of what a decoder is set up with: the same for all chunks of a film."""


class TellProgress(Protocol):
    """Says how far a job's step is; it may get lost."""

    async def __call__(self, offer: Offer, fraction: float, message: str, /) -> None:
        """Say it."""
        ...


class Check(Protocol):
    """Decode a chunk and compare it with its source. Raises ChunkUnsound. Runs in a child process."""

    def __call__(self, order: CheckOrder, /) -> Checked:
        """Check one."""
        ...
