"""What people said of lines, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from align.adapters.tables import alignments, reviews, revisions
from align.ports import Alignment, Told
from contracts.documents import Correction
from contracts.gateway import AlignmentCorrected

__all__ = ["PostgresReviews"]

_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
_ALIGNMENT = ("job_id", "run", "video_id", "script_id", "machine_key", "revision")


class PostgresReviews:
    """The port ``Reviews`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def hold(self, video_id: UUID, script_id: UUID) -> None:
        """Make other transactions about what was said of these two wait for this one."""
        await self._connection.execute(_HOLD, {"what": f"review/{self._tenant_id}/{video_id}/{script_id}"})

    async def hear(self, fact: AlignmentCorrected) -> None:
        """Remember what is said from now on; what was said later already stays, in whichever order it is heard.

        Who says it is not for us to keep: nobody would ask us to forget it.
        """
        about = {"tenant_id": self._tenant_id, "video_id": fact.video_id, "script_id": fact.script_id}
        row = insert(revisions).values(**about, revision=fact.revision)
        await self._connection.execute(row.on_conflict_do_nothing())
        for change in fact.changes:
            said = insert(reviews).values(
                **about,
                key=change.key,
                revision=fact.revision,
                correction=change.model_dump(mode="json", exclude={"by"}),
            )
            newer = reviews.c.revision < said.excluded.revision
            await self._connection.execute(
                said.on_conflict_do_update(
                    index_elements=["tenant_id", "video_id", "script_id", "key"],
                    set_={"revision": said.excluded.revision, "correction": said.excluded.correction},
                    where=newer,
                )
            )

    async def told(self, video_id: UUID, script_id: UUID) -> Told:
        """What people say. The revision is the last before the first gap."""
        place = func.row_number().over(order_by=revisions.c.revision)
        heard = (
            select(revisions.c.revision, place.label("place"))
            .where(revisions.c.video_id == video_id, revisions.c.script_id == script_id)
            .subquery()
        )
        whole = select(func.max(heard.c.revision)).where(heard.c.revision == heard.c.place)
        revision = await self._connection.scalar(whole)
        query = select(reviews.c.correction).where(reviews.c.video_id == video_id, reviews.c.script_id == script_id)
        said = [Correction.model_validate(one) for one in await self._connection.scalars(query.order_by(reviews.c.key))]
        return Told(int(revision or 0), tuple(one for one in said if not one.empty))

    async def alignments(self, video_id: UUID, script_id: UUID) -> Sequence[Alignment]:
        """All alignments of the two."""
        query = select(*(alignments.c[name] for name in _ALIGNMENT)).where(
            alignments.c.video_id == video_id, alignments.c.script_id == script_id
        )
        return [_alignment(row) for row in (await self._connection.execute(query)).mappings()]

    async def alignment(self, job_id: UUID, run: int) -> Alignment | None:
        """One, unless it was erased."""
        query = select(*(alignments.c[name] for name in _ALIGNMENT)).where(
            alignments.c.job_id == job_id, alignments.c.run == run
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _alignment(row)

    async def revise(self, job_id: UUID, run: int, *, revision: int, key: str) -> bool:
        """Note where the newest ledger is; False if a newer one stands already."""
        row = update(alignments).where(
            alignments.c.job_id == job_id, alignments.c.run == run, alignments.c.revision < revision
        )
        return (await self._connection.execute(row.values(revision=revision, key=key))).rowcount == 1


def _alignment(row: Mapping[Any, Any]) -> Alignment:
    return Alignment(**row)
