"""Erasures in PostgreSQL, and the rows that only an erasure deletes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Delete,
    LargeBinary,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import (
    TENANT,
    api_keys,
    corrections,
    departed_tenants,
    event_heads,
    events,
    findings,
    idempotency_keys,
    job_counts,
    jobs,
    ledger_revisions,
    scripts,
    search_documents,
    sessions,
    usage_entries,
    users,
    videos,
    webhook_deliveries,
)
from gateway.adapters.postgres.tables.audit import audit
from gateway.adapters.postgres.tables.erasures import erasure_answers, erasures
from gateway.adapters.postgres.tables.exports import exports
from gateway.adapters.postgres.tables.retention import retentions
from gateway.domain.erasures import PARTS, Answer, Erasure

__all__ = ["PostgresErasures"]

_NOBODY = UUID(int=0)
_SHOWN = [erasures.c[name] for name in Erasure.__dataclass_fields__ if name != "answers"]


class PostgresErasures:
    """Erasures of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, erasure: Erasure, *, token_hash: str | None = None) -> None:
        """Record an erasure. Its receipt can be had without signing in by whoever has the token."""
        values = {name: getattr(erasure, name) for name in Erasure.__dataclass_fields__ if name != "answers"}
        values["rows"], values["places"] = dict(erasure.rows), list(erasure.places)
        await self._connection.execute(insert(erasures).values(**values, token_hash=token_hash))

    async def get(self, erasure_id: UUID, *, lock: bool = False) -> Erasure | None:
        """One erasure with its answers; locked, nobody else changes it before this transaction ends."""
        query = select(*_SHOWN).where(erasures.c.id == erasure_id)
        found = await self._with_answers(await self._rows(query.with_for_update() if lock else query))
        return found[0] if found else None

    async def of(self, subject_id: UUID) -> Erasure | None:
        """The newest erasure of something."""
        query = select(*_SHOWN).where(erasures.c.subject_id == subject_id).order_by(erasures.c.id.desc()).limit(1)
        found = await self._with_answers(await self._rows(query))
        return found[0] if found else None

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Erasure]:
        """The newest erasures, older than the one named ``before``."""
        query = select(*_SHOWN).order_by(erasures.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(erasures.c.id < before)
        return await self._with_answers(await self._rows(query))

    async def receipt(self, token_hash: str) -> str | None:
        """The receipt that belongs to a token; None while there is none."""
        receipt: str | None = await self._connection.scalar(
            select(erasures.c.receipt).where(erasures.c.token_hash == token_hash)
        )
        return receipt

    async def answer(self, erasure_id: UUID, answer: Answer) -> None:
        """Record what a service deleted; what it deletes later is added."""
        key = (erasure_answers.c.erasure_id == erasure_id, erasure_answers.c.service == answer.service)
        before = (await self._connection.execute(select(erasure_answers).where(*key))).mappings().one_or_none()
        rows = _sum(before["rows"] if before else {}, answer.rows)
        blobs = _sum(before["blobs"] if before else {}, answer.blobs)
        values = {"rows": rows, "blobs": blobs, "answered_at": answer.answered_at}
        if before is None:
            row = insert(erasure_answers).values(erasure_id=erasure_id, service=answer.service, **values)
            await self._connection.execute(row)
        else:
            await self._connection.execute(update(erasure_answers).where(*key).values(values))

    async def unanswered(self, *, asked_before: datetime, limit: int) -> Sequence[Erasure]:
        """Erasures on which services stay silent, locked; those another transaction holds are left out."""
        silent = (erasures.c.state == "running", erasures.c.asked_at < asked_before)
        query = select(*_SHOWN).where(*silent).order_by(erasures.c.asked_at).limit(limit)
        return await self._with_answers(await self._rows(query.with_for_update(skip_locked=True)))

    async def running_parts(self, video_id: UUID) -> Sequence[Erasure]:
        """Erasures of parts of a video that are not concluded, locked."""
        theirs = (erasures.c.subject_id == video_id, erasures.c.state == "running", erasures.c.kind.in_(PARTS))
        return await self._with_answers(await self._rows(select(*_SHOWN).where(*theirs).with_for_update()))

    async def asked(self, erasure_id: UUID, at: datetime) -> None:
        """Note that the services were asked again."""
        await self._connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(asked_at=at))

    async def complete(self, erasure_id: UUID, *, at: datetime, receipt: str) -> None:
        """Record the receipt."""
        row = update(erasures).where(erasures.c.id == erasure_id)
        await self._connection.execute(
            row.values(state="completed", completed_at=at, receipt=receipt, places=[], job_ids=[])
        )

    async def rows_of_video(self, video_id: UUID) -> Mapping[str, int]:
        """Delete what is left of an erased video and its jobs; returns how many rows of what.

        What it was charged for stays on the bill, and names nothing any more.
        """
        charged = update(usage_entries).where(usage_entries.c.video_id == video_id)
        await self._connection.execute(charged.values(video_id=None, job_id=None))
        twins = update(videos).where(videos.c.duplicate_of == video_id)
        await self._connection.execute(twins.values(duplicate_of=None))
        told = update(videos).where(cast(videos.c.rejection, Text).contains(str(video_id)))
        nameless = func.replace(cast(videos.c.rejection, Text), str(video_id), str(_NOBODY))
        await self._connection.execute(told.values(rejection=cast(nameless, JSONB)))
        return {
            "jobs": await self._delete(delete(jobs).where(jobs.c.video_id == video_id)),
            "videos": await self._delete(delete(videos).where(videos.c.id == video_id)),
        }

    async def rows_of_script(self, script_id: UUID) -> Mapping[str, int]:
        """Delete a script, and that jobs had it; returns how many rows of what."""
        counts = {}
        for table in (findings, corrections, ledger_revisions):
            counts[table.name] = await self._delete(delete(table).where(table.c.script_id == script_id))
        await self._connection.execute(update(jobs).where(jobs.c.script_id == script_id).values(script_id=None))
        return {**counts, scripts.name: await self._delete(delete(scripts).where(scripts.c.id == script_id))}

    async def rows_of_user(self, user_id: UUID) -> Mapping[str, int]:
        """Delete a user with all that is theirs alone; returns how many rows of what.

        What they said of lines stays, for a film is cut by it, and is nobody's. Invitations they gave are void.
        """
        counts = {}
        given = update(users).where(users.c.invited_by == user_id)
        await self._connection.execute(given.values(invitation_hash=None, invited_until=None, invited_by=None))
        for table in (api_keys, sessions, idempotency_keys):
            counts[table.name] = await self._delete(delete(table).where(table.c.user_id == user_id))
        for column in (ledger_revisions.c.user_id, exports.c.requested_by):
            theirs = update(column.table).where(column == user_id)
            await self._connection.execute(theirs.values({column: _NOBODY}))
        for column in (corrections.c.correction, ledger_revisions.c.changes):
            theirs = update(column.table).where(cast(column, Text).contains(str(user_id)))
            said = func.replace(cast(column, Text), str(user_id), str(_NOBODY))
            await self._connection.execute(theirs.values({column: cast(said, JSONB)}))
        counts[users.name] = await self._delete(delete(users).where(users.c.id == user_id))
        return counts

    async def replies(self, about: UUID) -> Mapping[str, int]:
        """Delete first answers in which this id stands; returns how many rows of what."""
        kept = idempotency_keys
        needle = bindparam("needle", str(about).encode(), type_=LargeBinary)
        spelled = text("position(:needle IN body) > 0").bindparams(needle)
        # Those from before sealed answers said what they are about, all of which are gone a day after the upgrade.
        unknown = kept.c.about.is_(None)
        found = delete(kept).where(
            or_(spelled, kept.c.body == about.bytes, literal(about, Uuid) == any_(kept.c.about), unknown)
        )
        return {kept.name: await self._delete(found)}

    async def mentions(self, about: UUID) -> Mapping[str, int]:
        """Delete first answers, settled messages and events in which this id stands; returns how many rows of what."""
        settled = webhook_deliveries.c.state != "pending"
        messages = delete(webhook_deliveries).where(settled, webhook_deliveries.c.body.contains(str(about)))
        told = await self._delete(delete(events).where(events.c.body.contains(str(about))))
        if told:  # who holds some in memory reads them anew
            await self._connection.execute(update(event_heads).values(erased=event_heads.c.erased + 1))
        return {**await self.replies(about), webhook_deliveries.name: await self._delete(messages), events.name: told}

    async def depart(self) -> Mapping[str, int]:
        """Note that nothing is left of the transaction's tenant but what is kept; returns how many rows of what.

        Of how long it keeps what, it is kept for how long it keeps its audit.
        """
        await self._connection.execute(insert(departed_tenants).values(tenant_id=TENANT).on_conflict_do_nothing())
        return {retentions.name: await self._delete(delete(retentions).where(retentions.c.kind != "audit"))}

    async def departed(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Tenants of whom nothing is left but what is kept, in order, page by page; for whoever looks after that."""
        query = select(departed_tenants.c.tenant_id).order_by(departed_tenants.c.tenant_id).limit(limit)
        if after is not None:
            query = query.where(departed_tenants.c.tenant_id > after)
        return list((await self._connection.execute(query)).scalars())

    async def rest(self) -> bool:
        """Nobody has to look after the transaction's tenant any more: its audit is forgotten, no erasure is running."""
        left = or_(exists(select(audit.c.id)), exists(select(erasures.c.id).where(erasures.c.state == "running")))
        gone = delete(departed_tenants).where(departed_tenants.c.tenant_id == TENANT, ~left)
        return bool(await self._delete(gone))

    @staticmethod
    async def waiting(connection: AsyncConnection) -> tuple[int, float]:
        """How many erasures of all tenants are not concluded, and the age of the oldest in seconds; for the metrics."""
        await connection.execute(select(func.set_config("gateway.sweep", "erasures", True)))
        oldest_s = func.extract("epoch", func.now() - func.min(erasures.c.requested_at))
        query = select(func.count(), func.coalesce(oldest_s, 0)).where(erasures.c.state == "running")
        count, age_s = (await connection.execute(query)).one()
        await connection.execute(select(func.set_config("gateway.sweep", "", True)))
        return int(count), float(age_s)

    async def indexed(self, *, limit: int) -> Sequence[tuple[UUID | None, UUID | None]]:
        """Some of what can be found by searching: of each the video, or else the script."""
        query = select(search_documents.c.video_id, search_documents.c.script_id).limit(limit)
        return [(video_id, script_id) for video_id, script_id in await self._connection.execute(query)]

    async def job_counts(self) -> None:
        """Forget how many jobs the tenant has."""
        await self._delete(delete(job_counts).where(job_counts.c.tenant_id == TENANT))

    async def _delete(self, statement: Delete) -> int:
        return (await self._connection.execute(statement)).rowcount

    async def _rows(self, query: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self._connection.execute(query)).mappings()]

    async def _with_answers(self, rows: list[dict[str, Any]]) -> list[Erasure]:
        given: dict[UUID, list[Answer]] = {row["id"]: [] for row in rows}
        if given:
            query = select(erasure_answers).where(erasure_answers.c.erasure_id.in_(given))
            for one in (await self._connection.execute(query.order_by(erasure_answers.c.service))).mappings():
                answer = Answer(one["service"], one["answered_at"], one["rows"], one["blobs"])
                given[one["erasure_id"]].append(answer)
        made = []
        for row in rows:
            row["places"], row["job_ids"] = tuple(row["places"]), tuple(row["job_ids"])
            made.append(Erasure(**row, answers=tuple(given[row["id"]])))
        return made


def _sum(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + now.get(name, 0) for name in {*before, *now}}
