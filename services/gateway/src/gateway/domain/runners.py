"""Runners as people see them: invited by a token, then whatever the upscale service says."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.runners import RunnerChanged, RunnerScope, RunnerState, RunnerWish

__all__ = ["Runner", "changed", "token_for"]


@dataclass(frozen=True, slots=True)
class Runner:
    """A machine that may take chunks, or an invitation for one."""

    id: UUID
    user_id: UUID
    """Who invited it."""
    scope: RunnerScope
    labels: tuple[str, ...]
    expires_at: datetime
    """Until then its token may be used, once."""
    state: Literal["invited"] | RunnerState = "invited"
    name: str = ""
    machine: str = ""
    ephemeral: bool = False
    wish: RunnerWish = "work"
    """What people told it last."""
    reason: str = ""
    chunks_done: int = 0
    failures: int = 0
    seen_at: datetime | None = None
    changed_at: datetime | None = None
    """When what was said last was said."""
    created_at: datetime | None = None


def changed(runner: Runner, said: RunnerChanged, *, at: datetime) -> Runner:
    """The runner as it was said to be; what comes late changes nothing, and a revoked one stays so."""
    if runner.state == "revoked" or (runner.changed_at is not None and at <= runner.changed_at):
        return runner
    return replace(
        runner,
        state="online" if said.state in ("registered", "released") else said.state,
        name=said.name,
        machine=said.machine,
        ephemeral=said.ephemeral,
        reason=said.reason,
        chunks_done=said.chunks_done,
        failures=said.failures,
        seen_at=said.seen_at,
        changed_at=at,
    )


def token_for(runner_id: UUID, random: str) -> str:
    """What a machine registers with: it names the invitation, and proves to be it."""
    return f"mct_{runner_id.hex}_{random}"
