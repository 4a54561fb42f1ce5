"""Machines that take chunks to upscale: ``matchcut.runners``."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict

from matchcut.client.findings import Calls

__all__ = ["InvitedRunner", "Runner", "Runners"]


class Runner(BaseModel):
    """One machine, or an invitation for one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    user_id: UUID
    state: Literal["invited", "registered", "online", "gone", "quarantined", "released", "revoked"]
    name: str
    scope: Literal["tenant", "shared"]
    labels: tuple[str, ...]
    machine: str
    ephemeral: bool
    wish: Literal["work", "pause", "drain"] = "work"
    reason: str
    chunks_done: int
    failures: int
    expires_at: datetime
    seen_at: datetime | None = None
    created_at: datetime | None = None


class InvitedRunner(BaseModel):
    """An invitation and its token, which nobody can see again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runner: Runner
    token: str


class Runners:
    """What one may do with runners."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def invite(
        self, *, scope: Literal["tenant", "shared"] = "tenant", labels: Sequence[str] = (), lifetime_s: int = 3600
    ) -> InvitedRunner:
        """Invite one machine; its token is good once, for so long."""
        body = {"scope": scope, "labels": list(labels), "lifetime_s": lifetime_s}
        once = {"Idempotency-Key": str(uuid4())}  # a repeat after a lost answer is the same invitation
        answer = self._calls._send("POST", "/v1/runners", json=body, headers=once)
        return InvitedRunner.model_validate_json(answer.content)

    def list(self) -> Iterator[Runner]:
        """All, newest first."""
        return self._calls._pages(Runner, "/v1/runners")

    def get(self, runner_id: UUID) -> Runner:
        """One."""
        return self._calls._get(Runner, f"/v1/runners/{runner_id}")

    def release(self, runner_id: UUID) -> Runner:
        """Let one out of quarantine."""
        answer = self._calls._send("POST", f"/v1/runners/{runner_id}/release")
        return Runner.model_validate_json(answer.content)

    def rotate(self, runner_id: UUID) -> Runner:
        """Have one fetch another secret."""
        answer = self._calls._send("POST", f"/v1/runners/{runner_id}/rotate")
        return Runner.model_validate_json(answer.content)

    def pause(self, runner_id: UUID) -> Runner:
        """Have one hold still, with what it has."""
        return self._steer(runner_id, "pause")

    def drain(self, runner_id: UUID) -> Runner:
        """Have one hand in what is done, give the rest back, and leave."""
        return self._steer(runner_id, "drain")

    def resume(self, runner_id: UUID) -> Runner:
        """Let one that was paused or drained work again."""
        return self._steer(runner_id, "resume")

    def revoke(self, runner_id: UUID) -> None:
        """Make one, or its unused token, worthless."""
        self._calls._send("DELETE", f"/v1/runners/{runner_id}")

    def _steer(self, runner_id: UUID, verb: Literal["pause", "drain", "resume"]) -> Runner:
        answer = self._calls._send("POST", f"/v1/runners/{runner_id}/{verb}")
        return Runner.model_validate_json(answer.content)


class OwnRunners:
    """What ``Matchcut`` has of runners."""

    @property
    def runners(self: Calls) -> Runners:
        """Machines that take chunks."""
        return Runners(self)
