"""What people decide about runners; the upscale service hears of it, and says what became of it."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.event import Event
from contracts.runners import (
    RunnerChanged,
    RunnerInvited,
    RunnerReleased,
    RunnerRevoked,
    RunnerRotated,
    RunnerScope,
    RunnerSteered,
    RunnerWish,
)
from gateway.domain.access import Caller
from gateway.domain.refusals import Forbidden, NotFound
from gateway.domain.runners import Runner, changed, token_for
from gateway.ports import RecordsOn
from gateway.usecases.tokens import digest

__all__ = ["FollowRunners", "Runners"]


class Runners:
    """The runners of the caller's tenant.

    ``pool_tenant``: the tenant whose people run the pool that all share. Nobody else may invite machines into it, for
    those see everybody's films.
    """

    def __init__(self, database: Database, records_on: RecordsOn, *, pool_tenant: UUID | None) -> None:
        self._database = database
        self._records_on = records_on
        self._pool_tenant = pool_tenant

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Runner]:
        """The newest, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).runners.page(before=before, limit=limit)

    async def get(self, caller: Caller, runner_id: UUID) -> Runner:
        """One. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            return _found(await self._records_on(connection).runners.get(runner_id))

    async def invite(
        self, work: UnitOfWork, caller: Caller, *, scope: RunnerScope, labels: Sequence[str], lifetime_s: int
    ) -> tuple[Runner, str]:
        """An invitation, and the token that is good for it once. Raises Forbidden."""
        if scope == "shared" and caller.tenant_id != self._pool_tenant:
            raise Forbidden("machines that see everybody's films are invited by the operator's tenant alone")
        runner_id = uuid7()
        token = token_for(runner_id, secrets.token_urlsafe(32))
        expires_at = datetime.now(UTC) + timedelta(seconds=lifetime_s)
        runner = Runner(runner_id, caller.user_id, scope, tuple(labels), expires_at, created_at=datetime.now(UTC))
        await self._records_on(work.connection).runners.add(runner)
        fact = RunnerInvited(
            runner_id=runner_id, token_sha256=digest(token), scope=scope, labels=runner.labels, expires_at=expires_at
        )
        await work.announce(fact, subject=runner_id)
        return runner, token

    async def revoke(self, caller: Caller, runner_id: UUID) -> None:
        """Make a machine, or an invitation, worthless; one that is so already stays so. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            runners = self._records_on(work.connection).runners
            runner = _found(await runners.get(runner_id, lock=True))
            await runners.save(replace(runner, state="revoked"))
            await work.announce(RunnerRevoked(runner_id=runner_id), subject=runner_id)

    async def release(self, caller: Caller, runner_id: UUID) -> Runner:
        """Let a machine out of quarantine. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            runner = _found(await self._records_on(work.connection).runners.get(runner_id))
            await work.announce(RunnerReleased(runner_id=runner_id), subject=runner_id)
        return runner

    async def rotate(self, caller: Caller, runner_id: UUID) -> Runner:
        """Have a machine fetch another secret. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            runner = _found(await self._records_on(work.connection).runners.get(runner_id))
            await work.announce(RunnerRotated(runner_id=runner_id), subject=runner_id)
        return runner

    async def steer(self, caller: Caller, runner_id: UUID, wish: RunnerWish) -> Runner:
        """Have a machine work, hold still, or hand back what it has and go. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            runners = self._records_on(work.connection).runners
            runner = replace(_found(await runners.get(runner_id, lock=True)), wish=wish)
            await runners.save(runner)
            await work.announce(RunnerSteered(runner_id=runner_id, wish=wish), subject=runner_id)
        return runner


class FollowRunners:
    """Folds what the upscale service says of a machine into what people see."""

    def __init__(self, records_on: RecordsOn) -> None:
        self._records_on = records_on

    async def __call__(self, event: Event[RunnerChanged], work: UnitOfWork) -> None:
        """A late or repeated fact changes nothing."""
        runners = self._records_on(work.connection).runners
        runner = await runners.get(event.data.runner_id, lock=True)
        if runner is not None:
            await runners.save(changed(runner, event.data, at=event.time))


def _found(runner: Runner | None) -> Runner:
    if runner is None:
        raise NotFound("there is no such runner")
    return runner
