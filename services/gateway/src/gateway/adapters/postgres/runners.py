"""Runners in PostgreSQL, as people see them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import runners
from gateway.domain.runners import Runner

__all__ = ["PostgresRunners"]


class PostgresRunners:
    """Runners of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, runner: Runner) -> None:
        """Record an invitation."""
        await self._connection.execute(insert(runners).values(_row(runner)))

    async def get(self, runner_id: UUID, *, lock: bool = False) -> Runner | None:
        """One."""
        query = select(runners).where(runners.c.id == runner_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return None if row is None else _runner(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Runner]:
        """The newest, older than the one named ``before``."""
        query = select(runners).order_by(runners.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(runners.c.id < before)
        return [_runner(row) for row in (await self._connection.execute(query)).mappings()]

    async def save(self, runner: Runner) -> None:
        """Overwrite what may change of one."""
        await self._connection.execute(update(runners).where(runners.c.id == runner.id).values(_row(runner)))


def _row(runner: Runner) -> dict[str, Any]:
    values = {name: value for name, value in asdict(runner).items() if name != "created_at"}
    return {**values, "labels": list(runner.labels)}


def _runner(row: Mapping[Any, Any]) -> Runner:
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    return Runner(**{**values, "labels": tuple(values["labels"])})
