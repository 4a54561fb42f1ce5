"""What jobs found, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, Table, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Prepared, fetch
from gateway.adapters.postgres.tables import corrections, findings, ledger_revisions
from gateway.domain.findings import Finding, Kind, Narrowed

__all__ = ["PostgresFindings", "narrow", "narrowing"]

_FINDING = Prepared(
    select(findings).where(
        findings.c.kind == bindparam("kind"),
        or_(findings.c.id == bindparam("id"), findings.c.job_id == bindparam("id")),
    )
)


class PostgresFindings:
    """Findings of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, finding: Finding) -> None:
        """Record what a step found; the same step of the same job again changes nothing."""
        values = {name: getattr(finding, name) for name in finding.__slots__}
        values |= {"summary": dict(finding.summary), "files": dict(finding.files)}
        await self._connection.execute(insert(findings).values(values).on_conflict_do_nothing())

    async def get(self, kind: Kind, id_: UUID) -> Finding | None:
        """One, by its own id or its job's."""
        found = await fetch(self._connection, _FINDING, kind=kind, id=id_)
        return _finding(found[0]) if found else None

    async def page(self, kind: Kind, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Finding]:
        """The newest, older than the one named ``before``."""
        by = narrowing(narrowed, before=before)
        if narrowed.job_id is not None:
            by["job_id"] = narrowed.job_id
        rows = await fetch(self._connection, _page(frozenset(by)), kind=kind, limit=limit, **by)
        return [_finding(row) for row in rows]

    async def revise(self, job_id: UUID, run: int, *, revision: int, files: Mapping[str, str]) -> bool:
        """Note where an alignment's newest exports are; False if newer ones stand already."""
        row = update(findings).where(
            findings.c.kind == "alignment",
            findings.c.job_id == job_id,
            findings.c.run == run,
            findings.c.revision < revision,
            findings.c.deleted_at.is_(None),
        )
        return (await self._connection.execute(row.values(revision=revision, files=dict(files)))).rowcount == 1

    async def of_jobs(self, job_ids: Sequence[UUID], kinds: Sequence[Kind]) -> Sequence[Finding]:
        """What these jobs found of these kinds, and is there; the oldest first."""
        theirs = findings.c.job_id.in_(job_ids), findings.c.kind.in_(kinds), findings.c.deleted_at.is_(None)
        rows = await self._connection.execute(select(findings).where(*theirs).order_by(findings.c.created_at))
        return [_finding(row) for row in rows.mappings()]

    async def deleted(self, *, job_id: UUID) -> Sequence[Finding]:
        """What a job found and is deleted."""
        theirs = findings.c.job_id == job_id, findings.c.deleted_at.is_not(None)
        return [_finding(row) for row in (await self._connection.execute(select(findings).where(*theirs))).mappings()]

    async def delete(self, finding_id: UUID, names: Sequence[str], *, at: datetime, erasure_id: UUID) -> None:
        """Keep of a finding that it was there, and what its job's results were called."""
        row = update(findings).where(findings.c.id == finding_id)
        left = {"key": "", "files": {}, "summary": {"names": list(names)}, "deleted_at": at, "erasure_id": erasure_id}
        await self._connection.execute(row.values(left))

    async def erase(self, video_id: UUID) -> Mapping[str, int]:
        """Forget what was found in a video, and what people said of it; returns how many rows of what."""
        counts = {}
        for table in (findings, corrections, ledger_revisions):
            about = delete(table).where(table.c.video_id == video_id)
            counts[table.name] = (await self._connection.execute(about)).rowcount
        return counts


def narrowing(narrowed: Narrowed, *, before: UUID | None) -> dict[str, Any]:
    """What a list is narrowed by, by name: the values of what ``narrow`` adds to its query."""
    named = {
        "video_id": narrowed.video_id,
        "created_from": narrowed.created_from,
        "created_before": narrowed.created_before,
        "before": before,
    }
    return {name: value for name, value in named.items() if value is not None}


def narrow(query: Select[Any], table: Table, by: frozenset[str]) -> Select[Any]:
    """The query for those of a video and of a time alone, and for those older than the last one seen."""
    conditions = {
        "video_id": table.c.video_id == bindparam("video_id"),
        "created_from": table.c.created_at >= bindparam("created_from"),
        "created_before": table.c.created_at < bindparam("created_before"),
        "before": table.c.id < bindparam("before"),
    }
    return query.where(*(condition for name, condition in conditions.items() if name in by))


@cache
def _page(by: frozenset[str]) -> Prepared:
    """The newest of a kind, narrowed by what is named."""
    there = select(findings).where(findings.c.kind == bindparam("kind"), findings.c.deleted_at.is_(None))
    query = narrow(there, findings, by)
    if "job_id" in by:
        query = query.where(findings.c.job_id == bindparam("job_id"))
    return Prepared(query.order_by(findings.c.id.desc()).limit(bindparam("limit", type_=Integer)))


def _finding(row: Mapping[Any, Any]) -> Finding:
    return Finding(**{name: value for name, value in row.items() if name != "tenant_id"})
