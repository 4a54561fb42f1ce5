"""What people say of lines, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.documents import Correction
from gateway.adapters.postgres.tables import TENANT, corrections, ledger_revisions
from gateway.domain.reviews import Change, Revision

__all__ = ["PostgresReviews"]

_CHANGES = TypeAdapter(tuple[Change, ...])


class PostgresReviews:
    """What people of the transaction's tenant say."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, video_id: UUID, script_id: UUID) -> None:
        """Make whoever else changes what is said of the two wait until this transaction ends."""
        name = func.concat("gateway/review/", TENANT, f"/{video_id}/{script_id}")
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    async def revision(self, video_id: UUID, script_id: UUID) -> int:
        """How often people have changed what is said; 0 for never."""
        newest = select(func.max(ledger_revisions.c.revision)).where(
            ledger_revisions.c.video_id == video_id, ledger_revisions.c.script_id == script_id
        )
        return int(await self._connection.scalar(newest) or 0)

    async def said(self, video_id: UUID, script_id: UUID) -> Mapping[str, Correction]:
        """What is said now, by key."""
        query = select(corrections.c.key, corrections.c.correction).where(
            corrections.c.video_id == video_id, corrections.c.script_id == script_id
        )
        rows = await self._connection.execute(query.order_by(corrections.c.key))
        return {key: Correction.model_validate(correction) for key, correction in rows}

    async def record(self, revision: Revision) -> None:
        """Record a change, and what is said from now on."""
        values = {name: getattr(revision, name) for name in revision.__slots__}
        values["changes"] = _CHANGES.dump_python(tuple(revision.changes), mode="json")
        await self._connection.execute(insert(ledger_revisions).values(values))
        about = {"video_id": revision.video_id, "script_id": revision.script_id}
        for change in revision.changes:
            if change.after.empty:
                gone = delete(corrections).where(*(corrections.c[name] == value for name, value in about.items()))
                await self._connection.execute(gone.where(corrections.c.key == change.after.key))
                continue
            said = change.after.model_dump(mode="json")
            row = upsert(corrections).values(**about, key=change.after.key, correction=said)
            await self._connection.execute(
                row.on_conflict_do_update(
                    index_elements=["tenant_id", "video_id", "script_id", "key"], set_={"correction": said}
                )
            )

    async def to_undo(self, video_id: UUID, script_id: UUID) -> Revision | None:
        """The newest change that was not taken back."""
        undone = select(ledger_revisions.c.undoes).where(
            ledger_revisions.c.video_id == video_id,
            ledger_revisions.c.script_id == script_id,
            ledger_revisions.c.undoes.is_not(None),
        )
        query = _about(video_id, script_id).where(
            ledger_revisions.c.kind == "correction", ledger_revisions.c.revision.not_in(undone)
        )
        found = await self._connection.execute(query.order_by(ledger_revisions.c.revision.desc()).limit(1))
        row = found.mappings().one_or_none()
        return None if row is None else _revision(row)

    async def history(self, video_id: UUID, script_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Revision]:
        """The newest changes, older than the one named ``before``."""
        query = _about(video_id, script_id).order_by(ledger_revisions.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(ledger_revisions.c.id < before)
        return [_revision(row) for row in (await self._connection.execute(query)).mappings()]


def _about(video_id: UUID, script_id: UUID) -> Any:
    return select(ledger_revisions).where(
        ledger_revisions.c.video_id == video_id, ledger_revisions.c.script_id == script_id
    )


def _revision(row: Mapping[Any, Any]) -> Revision:
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    return Revision(**{**values, "changes": _CHANGES.validate_python(values["changes"])})
