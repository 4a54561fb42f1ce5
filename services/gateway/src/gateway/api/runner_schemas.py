"""Runners as clients ask for them and see them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.domain.runners import Runner

__all__ = ["NewRunner", "RunnerRequest", "RunnerView", "runner_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"
_RUNNER: dict[str, Any] = {
    "id": _ID,
    "user_id": _ID,
    "state": "online",
    "name": "attic",
    "scope": "tenant",
    "labels": ["t4"],
    "machine": "Tesla T4",
    "ephemeral": False,
    "wish": "work",
    "reason": "",
    "chunks_done": 12,
    "failures": 0,
    "expires_at": "2026-11-22T17:30:00Z",
    "seen_at": "2026-11-22T16:31:00Z",
    "created_at": "2026-11-22T16:30:00Z",
}
Label = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]*$")]


class RunnerRequest(BaseModel):
    """An invitation for one machine."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"scope": "tenant", "labels": ["t4"], "lifetime_s": 3600}]}
    )

    scope: Literal["tenant", "shared"] = Field(
        default="tenant", description="`shared`: for everybody's films; the operator's tenant alone may."
    )
    labels: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    lifetime_s: int = Field(default=3600, ge=60, le=30 * 24 * 3600, description="How long the token may be used, once.")


class RunnerView(BaseModel):
    """A machine that takes chunks to upscale, or an invitation for one."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RUNNER]})

    id: UUID
    user_id: UUID = Field(description="Who invited it.")
    state: Literal["invited", "registered", "online", "gone", "quarantined", "released", "revoked"]
    name: str
    scope: Literal["tenant", "shared"]
    labels: tuple[str, ...]
    machine: str = Field(description="Its GPU or processor, as it says itself.")
    ephemeral: bool = Field(description="Good for one session.")
    wish: Literal["work", "pause", "drain"] = Field(description="What people told it last.")
    reason: str = Field(description="Why it is in quarantine.")
    chunks_done: int
    failures: int = Field(description="In a row, up to now.")
    expires_at: datetime
    seen_at: datetime | None
    created_at: datetime | None


class NewRunner(BaseModel):
    """An invitation and its token."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "runner": {**_RUNNER, "state": "invited", "name": "", "machine": "", "chunks_done": 0},
                    "token": "mct_019363a08c1e7b529d0f3a6c2f1e5b77_…",
                }
            ]
        }
    )

    runner: RunnerView
    token: str = Field(description="Shown this once: `matchcut runner --url … --token …`.")


def runner_view(runner: Runner) -> RunnerView:
    """A runner, as people see it."""
    return RunnerView(
        id=runner.id,
        user_id=runner.user_id,
        state=runner.state,
        name=runner.name,
        scope=runner.scope,
        labels=runner.labels,
        machine=runner.machine,
        ephemeral=runner.ephemeral,
        wish=runner.wish,
        reason=runner.reason,
        chunks_done=runner.chunks_done,
        failures=runner.failures,
        expires_at=runner.expires_at,
        seen_at=runner.seen_at,
        created_at=runner.created_at,
    )
