"""Machines in PostgreSQL: invited, registered, seen, lost."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from upscale.adapters.runner_tables import leases, runners
from upscale.ports.runners import Registration, Runner

__all__ = ["PostgresMachines"]

_RUNNER = [runners.c[name] for name in Runner.__dataclass_fields__]
_HELD = leases.c.state.in_(("claimed", "working"))


class PostgresMachines:
    """The part of the port ``RunnerRecords`` that is about machines."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def invite(self, runner: Runner) -> None:
        """Remember an invitation; a second telling changes nothing."""
        row = insert(runners).values(
            runner_id=runner.runner_id,
            tenant_id=runner.tenant_id,
            scope=runner.scope,
            labels=list(runner.labels),
            expires_at=runner.expires_at,
            token_sha256=runner.token_sha256,
        )
        await self._connection.execute(row.on_conflict_do_nothing())

    async def runner(self, runner_id: UUID, *, lock: bool = False) -> Runner | None:
        """One machine."""
        query = select(*_RUNNER).where(runners.c.runner_id == runner_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return None if row is None else _runner(row)

    async def register(self, runner_id: UUID, said: Registration, *, secret_sha256: str) -> bool:
        """Let an invitation become a machine; False if it was used, revoked, or has expired."""
        unused = and_(
            runners.c.runner_id == runner_id,
            runners.c.registered_at.is_(None),
            runners.c.revoked.is_(False),
            runners.c.expires_at > func.now(),
        )
        row = update(runners).where(unused)
        done = await self._connection.execute(
            row.values(
                secret_sha256=secret_sha256,
                name=said.name,
                ephemeral=said.ephemeral,
                machine=said.machine,
                capabilities=said.capabilities,
                models=list(said.models),
                registered_at=func.now(),
                seen_at=func.now(),
                online=True,
            )
        )
        return done.rowcount == 1

    async def set_runner(self, runner_id: UUID, **values: Any) -> None:
        """Note these of a machine."""
        await self._connection.execute(update(runners).where(runners.c.runner_id == runner_id).values(**values))

    async def see(self, runner_id: UUID, *, said: tuple[dict[str, Any], Sequence[str]] | None = None) -> bool:
        """A sign of life, and what it says of itself and its models; True if the machine was not online before."""
        values: dict[str, Any] = {} if said is None else {"capabilities": said[0], "models": list(said[1])}
        row = update(runners).where(runners.c.runner_id == runner_id)
        was_away = await self._connection.execute(
            row.where(runners.c.online.is_(False)).values(seen_at=func.now(), online=True, **values)
        )
        if was_away.rowcount:
            return True
        # A sign of life is not worth a write each time; news are.
        stale = runners.c.seen_at < func.now() - timedelta(seconds=5)
        if said is not None:
            stale = or_(stale, runners.c.capabilities != said[0])
        await self._connection.execute(row.where(stale).values(seen_at=func.now(), **values))
        return False

    async def credit(self, runner_id: UUID, *, failed: bool) -> int:
        """Count a chunk that was accepted, or a failure; returns the failures in a row."""
        values = {"failures": runners.c.failures + 1} if failed else {"failures": 0}
        more = {} if failed else {"chunks_done": runners.c.chunks_done + 1}
        row = update(runners).where(runners.c.runner_id == runner_id).values(**values, **more)
        return await self._connection.scalar(row.returning(runners.c.failures)) or 0

    async def silent(self, *, silent_s: float) -> Sequence[Runner]:
        """Machines that are online by what is noted, hold nothing, and have been silent for so long."""
        query = select(*_RUNNER).where(_silent(silent_s))
        return [_runner(found) for found in await self._connection.execute(query)]

    async def lose(self, runner_id: UUID, *, silent_s: float) -> bool:
        """Note that a machine is gone, if it is silent still."""
        row = update(runners).where(runners.c.runner_id == runner_id, _silent(silent_s)).values(online=False)
        return (await self._connection.execute(row)).rowcount == 1

    async def idle(self, tenant_id: UUID, *, model_sha256: str) -> int:
        """Machines online that may work for the tenant with this model, and hold nothing."""
        holds = select(leases.c.chunk_id).where(leases.c.runner_id == runners.c.runner_id, _HELD).exists()
        return await self._count(_eligible(tenant_id, model_sha256).where(~holds))

    async def eligible(self, tenant_id: UUID, *, model_sha256: str) -> int:
        """Those online, busy or not."""
        return await self._count(_eligible(tenant_id, model_sha256))

    async def _count(self, query: Select[Any]) -> int:
        return int(await self._connection.scalar(select(func.count()).select_from(query.subquery())) or 0)


def _silent(silent_s: float) -> Any:
    holds = select(leases.c.chunk_id).where(leases.c.runner_id == runners.c.runner_id, _HELD).exists()
    return and_(runners.c.online, runners.c.seen_at < func.now() - timedelta(seconds=silent_s), ~holds)


def _eligible(tenant_id: UUID, model_sha256: str) -> Select[Any]:
    return select(runners.c.runner_id).where(
        or_(runners.c.tenant_id == tenant_id, runners.c.scope == "shared"),
        runners.c.online,
        runners.c.revoked.is_(False),
        runners.c.quarantined.is_(None),
        runners.c.wish == "work",
        literal(model_sha256) == any_(runners.c.models),
    )


def _runner(row: Row[Any]) -> Runner:
    values = dict(row._mapping)
    return Runner(**{**values, "labels": tuple(values["labels"]), "models": tuple(values["models"])})
