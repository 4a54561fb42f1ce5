"""What jobs found, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import corrections, findings, ledger_revisions
from gateway.domain.findings import Finding, Kind, Narrowed

__all__ = ["PostgresFindings", "narrow"]


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
        query = select(findings).where(findings.c.kind == kind, or_(findings.c.id == id_, findings.c.job_id == id_))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _finding(row)

    async def page(self, kind: Kind, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Finding]:
        """The newest, older than the one named ``before``."""
        query = narrow(select(findings).where(findings.c.kind == kind), findings, narrowed)
        if narrowed.job_id is not None:
            query = query.where(findings.c.job_id == narrowed.job_id)
        if before is not None:
            query = query.where(findings.c.id < before)
        rows = await self._connection.execute(query.order_by(findings.c.id.desc()).limit(limit))
        return [_finding(row) for row in rows.mappings()]

    async def revise(self, job_id: UUID, run: int, *, revision: int, files: Mapping[str, str]) -> bool:
        """Note where an alignment's newest exports are; False if newer ones stand already."""
        row = update(findings).where(
            findings.c.kind == "alignment",
            findings.c.job_id == job_id,
            findings.c.run == run,
            findings.c.revision < revision,
        )
        return (await self._connection.execute(row.values(revision=revision, files=dict(files)))).rowcount == 1

    async def erase(self, video_id: UUID) -> Mapping[str, int]:
        """Forget what was found in a video, and what people said of it; returns how many rows of what."""
        counts = {}
        for table in (findings, corrections, ledger_revisions):
            about = delete(table).where(table.c.video_id == video_id)
            counts[table.name] = (await self._connection.execute(about)).rowcount
        return counts


def narrow(query: Select[Any], table: Table, narrowed: Narrowed) -> Select[Any]:
    """The query for those of a video and of a time alone."""
    if narrowed.video_id is not None:
        query = query.where(table.c.video_id == narrowed.video_id)
    if narrowed.created_from is not None:
        query = query.where(table.c.created_at >= narrowed.created_from)
    if narrowed.created_before is not None:
        query = query.where(table.c.created_at < narrowed.created_before)
    return query


def _finding(row: Mapping[Any, Any]) -> Finding:
    return Finding(**{name: value for name, value in row.items() if name != "tenant_id"})
