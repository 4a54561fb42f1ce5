"""What there is of videos, class by class, in PostgreSQL."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import findings, jobs
from gateway.adapters.postgres.tables.erasures import erasures
from gateway.domain.erasures import Erasure, Kind
from gateway.domain.held import CLASS_OF, HeldKind

__all__ = ["PostgresHeld"]

_SHOWN = [erasures.c[name] for name in Erasure.__dataclass_fields__ if name != "answers"]


class PostgresHeld:
    """What the transaction's tenant has of its videos."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def found(self, video_id: UUID) -> Mapping[HeldKind, tuple[int, datetime | None]]:
        """How many findings of each class a video has, and from when the time of the oldest is counted.

        A job's findings of a class go together, when the youngest of them is over its time.
        """
        query = select(findings.c.job_id, findings.c.kind, func.count(), func.max(findings.c.created_at))
        query = query.where(findings.c.video_id == video_id, findings.c.deleted_at.is_(None))
        of_jobs: dict[tuple[HeldKind, UUID], tuple[int, datetime]] = {}
        for job_id, kind, count, newest in await self._connection.execute(query.group_by(findings.c.job_id, "kind")):
            before, at = of_jobs.get((CLASS_OF[kind], job_id), (0, newest))
            of_jobs[CLASS_OF[kind], job_id] = (before + count, max(at, newest))
        counts: dict[HeldKind, tuple[int, datetime | None]] = {}
        for (held, _), (count, at) in of_jobs.items():
            total, oldest = counts.get(held, (0, at))
            counts[held] = (total + count, min(oldest or at, at))
        return counts

    async def ended(self, video_id: UUID) -> tuple[int, datetime | None]:
        """How many jobs have ended for a video, and when the last one did."""
        query = select(func.count(jobs.c.finished_at), func.max(jobs.c.finished_at))
        count, last = (await self._connection.execute(query.where(jobs.c.video_id == video_id))).one()
        return count, last

    async def last(self, video_id: UUID) -> Mapping[Kind, Erasure]:
        """The newest erasure of each kind that a video had, without its answers."""
        query = select(*_SHOWN).ext(distinct_on(erasures.c.kind)).where(erasures.c.subject_id == video_id)
        rows = await self._connection.execute(query.order_by(erasures.c.kind, erasures.c.id.desc()))
        return {row["kind"]: Erasure(**row) for row in rows.mappings()}
