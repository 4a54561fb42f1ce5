"""Facts about runners: machines of people, or rented ones, that take chunks to upscale and may vanish at any moment."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = [
    "BudgetChanged",
    "RunnerChanged",
    "RunnerInvited",
    "RunnerReleased",
    "RunnerRevoked",
    "RunnerRotated",
    "RunnerScope",
    "RunnerState",
    "RunnerSteered",
    "RunnerWish",
]

RunnerScope = Literal["tenant", "shared"]
"""``tenant`` works for the tenant that invited it; ``shared`` for all of them."""
RunnerState = Literal["registered", "online", "gone", "quarantined", "released", "revoked"]
RunnerWish = Literal["work", "pause", "drain"]
"""What an operator wants of a machine: to work; to hold still with what it has; to hand back what is done, and go."""


class RunnerInvited(Fact):
    """An operator made a token by which one machine may register, once, until it expires."""

    stream: ClassVar[str] = "runner.invited.v1"

    runner_id: UUID
    """What the machine will be known by."""
    token_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the token, which is 256 random bits and was shown to the operator alone."""
    scope: RunnerScope = "tenant"
    labels: tuple[str, ...] = ()
    expires_at: datetime


class RunnerRevoked(Fact):
    """A runner, or a token that nobody used yet, is worthless from now on. What it holds goes to others."""

    stream: ClassVar[str] = "runner.revoked.v1"

    runner_id: UUID


class RunnerReleased(Fact):
    """An operator let a runner out of quarantine."""

    stream: ClassVar[str] = "runner.released.v1"

    runner_id: UUID


class RunnerRotated(Fact):
    """An operator wants a runner's secret replaced: it fetches a new one by the old one, which then ends."""

    stream: ClassVar[str] = "runner.rotated.v1"

    runner_id: UUID


class RunnerSteered(Fact):
    """An operator wants a runner to hold still, to hand back what it has, or to go on."""

    stream: ClassVar[str] = "runner.steered.v1"

    runner_id: UUID
    wish: RunnerWish


class RunnerChanged(Fact):
    """How a runner is, said when that changes and not with every sign of life."""

    stream: ClassVar[str] = "runner.changed.v1"

    runner_id: UUID
    state: RunnerState
    name: str = Field(default="", max_length=200)
    scope: RunnerScope = "tenant"
    machine: str = ""
    """Its GPU or processor, as it says itself."""
    ephemeral: bool = False
    """Good for one session."""
    reason: str = Field(default="", max_length=2000)
    """Why it is in quarantine."""
    chunks_done: int = Field(default=0, ge=0)
    failures: int = Field(default=0, ge=0)
    """In a row, up to now."""
    seen_at: datetime | None = None


class BudgetChanged(Fact):
    """The event's tenant has spent its budget, or may spend again: runners take its chunks, or leave them."""

    stream: ClassVar[str] = "budget.changed.v1"

    spent: bool
