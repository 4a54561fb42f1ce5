"""Machines that come and go: invited by an operator, registered once, known by a secret, lost, kept out."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts.event import Event
from contracts.runners import (
    BudgetChanged,
    RunnerChanged,
    RunnerInvited,
    RunnerReleased,
    RunnerRevoked,
    RunnerRotated,
    RunnerState,
    RunnerSteered,
)
from upscale.domain.runner_refusals import NotInvited, ProtocolTooOld, UnknownRunner
from upscale.domain.runners import OLDEST_PROTOCOL, PROTOCOL, runner_of, secret_for
from upscale.ports.pacing import Paces
from upscale.ports.runners import Intervals, Registration, Runner
from upscale.usecases.joining import MachinesIn

__all__ = ["HearOperators", "Runners", "announce_runner"]

_FORMER_S = 900.0
"""How long a secret is good that was replaced: for a runner whose new one was lost on its way."""


def digest(shown: str) -> str:
    """What is kept of a token or secret. It is 256 random bits: a plain digest is as good as a slow one."""
    return hashlib.sha256(shown.encode()).hexdigest()


@dataclass(frozen=True)
class Runners:
    """What machines ask about themselves."""

    database: Database
    machines: MachinesIn
    intervals: Intervals

    async def register(self, token: str, protocol: int, said: Registration) -> tuple[UUID, str]:
        """Make a machine of an invitation, once; returns its id and its secret, which nobody can see again.

        Raises ProtocolTooOld, NotInvited.
        """
        must_be_spoken(protocol)
        runner = await self._named(token)
        if runner is None or not hmac.compare_digest(runner.token_sha256, digest(token)):
            raise NotInvited("this registration token is not known here; ask the operator for a new one")
        secret = secret_for(runner.runner_id, secrets.token_urlsafe(32))
        async with self.database.begin(runner.tenant_id) as work:
            records = self.machines(work.connection)
            if not await records.register(runner.runner_id, said, secret_sha256=digest(secret)):
                raise NotInvited(
                    "this registration token was used, was revoked or has expired; ask the operator for a new one"
                )
            await announce_runner(work, _with(runner, said), "registered")
        return runner.runner_id, secret

    async def recognize(self, secret: str) -> Runner:
        """The machine that shows this secret. Raises UnknownRunner."""
        runner = await self._named(secret)
        if runner is None or runner.revoked or not self._is_good(runner, digest(secret)):
            raise UnknownRunner("this runner is not known here, or was revoked; register it with a new token")
        return runner

    async def replace_secret(self, runner: Runner) -> str:
        """A new secret; the one before stays good for a while, should this answer be lost."""
        secret = secret_for(runner.runner_id, secrets.token_urlsafe(32))
        async with self.database.begin(runner.tenant_id) as work:
            await self.machines(work.connection).set_runner(
                runner.runner_id,
                former_sha256=runner.secret_sha256,
                former_until=datetime.now(UTC) + timedelta(seconds=_FORMER_S),
                secret_sha256=digest(secret),
                rotate=False,
            )
        return secret

    async def sign_off(self, runner: Runner) -> None:
        """The machine goes by its own will; one that was good for one session is void."""
        async with self.database.begin(runner.tenant_id) as work:
            machines = self.machines(work.connection)
            await machines.give_up(runner.runner_id)
            await machines.set_runner(runner.runner_id, online=False, revoked=runner.ephemeral)
            await announce_runner(work, runner, "revoked" if runner.ephemeral else "gone")

    async def _named(self, shown: str) -> Runner | None:
        runner_id = runner_of(shown)
        if runner_id is None:
            return None
        async with self.database.begin_untenanted() as connection:
            return await self.machines(connection).runner(runner_id)

    def _is_good(self, runner: Runner, shown_sha256: str) -> bool:
        if runner.secret_sha256 is not None and hmac.compare_digest(runner.secret_sha256, shown_sha256):
            return True
        former = runner.former_until is not None and runner.former_until > datetime.now(UTC)
        return former and hmac.compare_digest(runner.former_sha256 or "", shown_sha256)


@dataclass(frozen=True)
class HearOperators:
    """What people decide about machines, and about money."""

    machines: MachinesIn
    paces: Callable[[Any], Paces]

    async def invited(self, event: Event[RunnerInvited], work: UnitOfWork) -> None:
        """Let whoever shows this token register, once."""
        said = event.data
        runner = Runner(
            runner_id=said.runner_id,
            tenant_id=event.tenantid,
            scope=said.scope,
            labels=said.labels,
            expires_at=said.expires_at,
            token_sha256=said.token_sha256,
        )
        await self.machines(work.connection).invite(runner)

    async def revoked(self, event: Event[RunnerRevoked], work: UnitOfWork) -> None:
        """Make it worthless. What it holds goes to others at once, and nothing is taken from it any more."""
        runner = await self._own(event.data.runner_id, work)
        if runner is not None and not runner.revoked:
            await self.machines(work.connection).give_up(runner.runner_id)
            await self.machines(work.connection).set_runner(runner.runner_id, revoked=True, online=False)
            await announce_runner(work, runner, "revoked")

    async def released(self, event: Event[RunnerReleased], work: UnitOfWork) -> None:
        """Let it out of quarantine, with a clean slate."""
        runner = await self._own(event.data.runner_id, work)
        if runner is not None and runner.quarantined is not None:
            await self.machines(work.connection).set_runner(runner.runner_id, quarantined=None, failures=0)
            await announce_runner(work, replace(runner, quarantined=None, failures=0), "released")

    async def rotated(self, event: Event[RunnerRotated], work: UnitOfWork) -> None:
        """Tell it, with the next answer, to fetch another secret."""
        if await self._own(event.data.runner_id, work) is not None:
            await self.machines(work.connection).set_runner(event.data.runner_id, rotate=True)

    async def steered(self, event: Event[RunnerSteered], work: UnitOfWork) -> None:
        """Tell it, with its next sign of life, to hold still, to hand back what it has, or to go on."""
        if await self._own(event.data.runner_id, work) is not None:
            await self.machines(work.connection).set_runner(event.data.runner_id, wish=event.data.wish)

    async def budget(self, event: Event[BudgetChanged], work: UnitOfWork) -> None:
        """Let runners leave a tenant's chunks whose money is spent, or take them again."""
        await self.machines(work.connection).set_paused(event.tenantid, paused=event.data.spent, at=event.time)

    async def forget(self, work: UnitOfWork) -> None:
        """Drop the tenant's machines, what was measured on them, offers and leases: no wall gathers them."""
        await self.machines(work.connection).erase(tenant_id=work.tenant_id)
        await self.paces(work.connection).forget(tenant_id=work.tenant_id)

    async def _own(self, runner_id: UUID, work: UnitOfWork) -> Runner | None:
        """The machine, if it is this tenant's: nobody else's word counts."""
        runner = await self.machines(work.connection).runner(runner_id, lock=True)
        return runner if runner is not None and runner.tenant_id == work.tenant_id else None


async def announce_runner(work: UnitOfWork, runner: Runner, state: RunnerState) -> None:
    """Say how a machine is; the unit of work is its own tenant's."""
    assert state in get_args(RunnerState)
    fact = RunnerChanged(
        runner_id=runner.runner_id,
        state=state,
        name=runner.name,
        scope=runner.scope,
        machine=runner.machine[:200],
        ephemeral=runner.ephemeral,
        reason=(runner.quarantined or "")[:2000],
        chunks_done=runner.chunks_done,
        failures=runner.failures,
        seen_at=datetime.now(UTC) if state in ("registered", "online") else runner.seen_at,
    )
    await work.announce(fact, subject=runner.runner_id)


def must_be_spoken(protocol: int) -> None:
    """Raises ProtocolTooOld."""
    if protocol < OLDEST_PROTOCOL:
        raise ProtocolTooOld(
            f"this program speaks protocol {protocol}; {OLDEST_PROTOCOL} to {PROTOCOL} are understood here. "
            "Install the newest one: pip install --upgrade matchcut matchcut-upscale"
        )


def _with(runner: Runner, said: Registration) -> Runner:
    return replace(runner, name=said.name, ephemeral=said.ephemeral, machine=said.machine)
