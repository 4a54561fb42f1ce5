"""Jobs in PostgreSQL: one row each, with its steps and results, so that a change is one update."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Integer, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Prepared, fetch
from contracts.gateway import JobOptions
from gateway.adapters.postgres.findings import narrow, narrowing
from gateway.adapters.postgres.tables import TENANT, job_counts, jobs, scripts
from gateway.domain.findings import Narrowed
from gateway.domain.jobs import Job
from gateway.domain.progress import StepStatus
from gateway.domain.refusals import NotFound

__all__ = ["PostgresJobs"]

_STEPS = TypeAdapter(tuple[StepStatus, ...])
_JOB = Prepared(select(jobs).where(jobs.c.id == bindparam("id")))


@cache
def _page(by: frozenset[str]) -> Prepared:
    """The newest jobs, narrowed by what is named."""
    query = narrow(select(jobs), jobs, by).order_by(jobs.c.id.desc()).limit(bindparam("limit", type_=Integer))
    return Prepared(query.where(jobs.c.state == bindparam("state")) if "state" in by else query)


class PostgresJobs:
    """Jobs of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, job: Job) -> None:
        """Record a job. Raises NotFound if its script was erased a moment ago."""
        if job.script_id is not None:  # held until we commit: whoever erases it waits, and then sees this job
            held = select(scripts.c.id).where(scripts.c.id == job.script_id)
            if await self._connection.scalar(held.with_for_update(read=True, key_share=True)) is None:
                raise NotFound("there is no such script", field="script_id")
        await self._connection.execute(insert(jobs).values(id=job.id, created_at=job.created_at, **_values(job)))

    async def get(self, job_id: UUID, *, lock: bool = False) -> Job | None:
        """One job; locked, nobody else changes it before this transaction ends."""
        if not lock:
            found = await fetch(self._connection, _JOB, id=job_id)
            return _job(found[0]) if found else None
        query = select(jobs).where(jobs.c.id == job_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _job(row)

    async def of_video(self, video_id: UUID) -> Sequence[Job]:
        """All jobs of a video, locked, in the order of their ids so that two transactions never wait crosswise."""
        query = select(jobs).where(jobs.c.video_id == video_id).order_by(jobs.c.id).with_for_update()
        return [_job(row) for row in (await self._connection.execute(query)).mappings()]

    async def of_script(self, script_id: UUID) -> Sequence[Job]:
        """All jobs of a script, locked, in the order of their ids; and the script too, so that it gets no more."""
        await self._connection.execute(select(scripts.c.id).where(scripts.c.id == script_id).with_for_update())
        query = select(jobs).where(jobs.c.script_id == script_id).order_by(jobs.c.id).with_for_update()
        return [_job(row) for row in (await self._connection.execute(query)).mappings()]

    async def page(self, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Job]:
        """The newest jobs, older than the one named ``before``."""
        by = narrowing(narrowed, before=before)
        if narrowed.state is not None:
            by["state"] = narrowed.state
        return [_job(row) for row in await fetch(self._connection, _page(frozenset(by)), limit=limit, **by)]

    async def save(self, job: Job) -> None:
        """Overwrite what may change of a job."""
        await self._connection.execute(update(jobs).where(jobs.c.id == job.id).values(_values(job)))

    async def unfinished(self) -> int:
        """Unfinished jobs of all tenants."""
        return int(await self._connection.scalar(select(_sum())) or 0)

    async def unfinished_while_adding(self) -> tuple[int, int]:
        """Unfinished jobs of this tenant and of all. Whoever else asks waits until this transaction has ended.

        Jobs that end meanwhile are not waited for, so the numbers may be too high by a moment, and never too low.
        """
        lock = func.pg_advisory_xact_lock(func.hashtextextended("gateway/unfinished jobs", 0))
        await self._connection.execute(select(lock))
        mine = _sum().filter(job_counts.c.tenant_id == TENANT)
        row = (await self._connection.execute(select(mine, _sum()))).one()
        return int(row[0] or 0), int(row[1] or 0)


def _sum() -> Any:
    return func.sum(job_counts.c.unfinished)


def _values(job: Job) -> dict[str, Any]:
    return {
        "video_id": job.video_id,
        "script_id": job.script_id,
        "run": job.run,
        "priority": job.priority,
        "options": job.options.model_dump(mode="json"),
        "passthrough": job.passthrough,
        "steps": _STEPS.dump_python(tuple(job.steps.values()), mode="json"),
        "results": dict(job.results),
        "version": job.version,
        "finished_at": job.finished_at,
        "reserved": job.reserved,
    }


def _job(row: Mapping[Any, Any]) -> Job:
    values = {name: value for name, value in row.items() if name not in ("tenant_id", "state")}
    steps = _STEPS.validate_python(values.pop("steps"))
    options = JobOptions.model_validate(values.pop("options"))
    return Job(**values, options=options, steps={status.step: status for status in steps})
