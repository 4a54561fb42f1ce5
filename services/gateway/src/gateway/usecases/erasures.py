"""Erasures: asked for, answered by every service, concluded with a receipt.

What can be deleted in one commit is deleted where it is asked for. Then every service that may hold something is told,
deletes what it holds and answers with numbers. When all have answered a task deletes what had to stay until then, and
the receipt is signed in its last commit. Nobody is waited for in vain: who stays silent is asked again and again, and
the erasure says whom it waits for.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from chassis.work import Task
from contracts import uuid7
from contracts.event import Event
from contracts.gateway import JobRequested, ScriptErased, TenantErased, VideoErased
from contracts.traces import TracesErased
from gateway.domain.access import Caller
from gateway.domain.erasures import OURSELVES, Answer, Erasure, Kind, Reason, receipt_claims
from gateway.domain.exports import export_key
from gateway.domain.refusals import NotFound
from gateway.ports import Records, RecordsOn
from gateway.ports.erasures import Receipts
from gateway.usecases.indexing import forget
from gateway.usecases.tokens import digest, tenant_of

__all__ = ["CONCLUDE", "Conclude", "Erasures", "HearAnswers", "announce_erasure", "open_erasure"]

_log = get_logger(__name__)
CONCLUDE = "conclude"
_KEPT = frozenset({"audit", "audit_seals", "erasures", "erasure_answers"})
_LEANT_ON = frozenset({"tenants"})
_AT_ONCE = 100
_MOST_EXPORTS = 10_000


class Purger(Protocol):
    """Takes out of the message broker what speaks of something."""

    async def forget(self, about: UUID, *, announced: Sequence[str] = (), sparing: Collection[str] = ()) -> int:
        """Returns how many messages there were."""


async def open_erasure(
    records: Records,
    kind: Kind,
    subject_id: UUID,
    *,
    reason: Reason = "asked",
    rows: Mapping[str, int] | None = None,
    places: Sequence[str] = (),
    job_ids: Sequence[UUID] = (),
    token_hash: str | None = None,
) -> Erasure:
    """Record that something is to leave no trace; it is told to the others by ``announce_erasure``."""
    now = datetime.now(UTC)
    counts = {name: count for name, count in (rows or {}).items() if count}
    erasure = Erasure(
        uuid7(), kind, subject_id, reason, now, now, rows=counts, places=tuple(places), job_ids=tuple(job_ids)
    )
    await records.erasures.add(erasure, token_hash=token_hash)
    return erasure


async def announce_erasure(work: UnitOfWork, erasure: Erasure) -> None:
    """Ask every service that may hold something."""
    about, erasure_id = erasure.subject_id, erasure.id
    match erasure.kind:
        case "video":
            fact = VideoErased(video_id=about, erasure_id=erasure_id, job_ids=erasure.job_ids)
            await work.announce(fact, subject=about)
        case "script":
            await work.announce(ScriptErased(script_id=about, erasure_id=erasure_id), subject=about)
        case "user":  # nobody but us knows who there is
            await _queue_conclusion(work, erasure_id)
        case "tenant":
            await work.announce(TenantErased(erasure_id=erasure_id), subject=about)


class Erasures:
    """What a tenant's people see of erasures."""

    def __init__(self, database: Database, records_on: RecordsOn, receipts: Receipts, *, patience_s: float) -> None:
        self._database = database
        self._records_on = records_on
        self._patience = timedelta(seconds=patience_s)
        self.receipts = receipts

    async def get(self, caller: Caller, erasure_id: UUID) -> Erasure:
        """One erasure. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            erasure = await self._records_on(connection).erasures.get(erasure_id)
        if erasure is None:
            raise NotFound("there is no such erasure")
        return erasure

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Erasure]:
        """The newest erasures, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).erasures.page(before=before, limit=limit)

    async def receipt(self, token: str) -> str:
        """The receipt that belongs to a token. Raises NotFound."""
        tenant_id = tenant_of(token)
        receipt = None
        if tenant_id is not None:
            async with self._database.read(tenant_id) as connection:
                receipt = await self._records_on(connection).erasures.receipt(digest(token))
        if receipt is None:
            raise NotFound("there is no such receipt, or not yet")
        return receipt

    async def ask_again(self, tenant_id: UUID) -> int:
        """Ask once more where services have been silent for too long; returns about how many erasures."""
        now = datetime.now(UTC)
        async with self._database.begin(tenant_id) as work:
            erasures = self._records_on(work.connection).erasures
            silent = await erasures.unanswered(asked_before=now - self._patience, limit=_AT_ONCE)
            for erasure in silent:
                _log.warning("an erasure waits", erasure=str(erasure.id), awaited=sorted(erasure.awaited))
                if erasure.awaited:
                    await announce_erasure(work, erasure)
                else:
                    await _queue_conclusion(work, erasure.id, again=now)
                await erasures.asked(erasure.id, now)
        return len(silent)


@dataclass(frozen=True, slots=True)
class HearAnswers:
    """Notes what the others have deleted."""

    records_on: RecordsOn

    async def __call__(self, event: Event[TracesErased], work: UnitOfWork) -> None:
        """Record an answer; when it is the last one, queue the conclusion."""
        erasures = self.records_on(work.connection).erasures
        erasure = await erasures.get(event.data.erasure_id, lock=True)
        if erasure is None or erasure.state == "completed":
            return
        service = event.source.rpartition("/")[2]
        await erasures.answer(erasure.id, Answer(service, event.time, event.data.rows, event.data.blobs))
        if not erasure.awaited - {service}:
            await _queue_conclusion(work, erasure.id)


async def _queue_conclusion(work: UnitOfWork, erasure_id: UUID, *, again: datetime | None = None) -> None:
    """A conclusion that failed for good stays where it is seen; asking again makes another one."""
    key = f"{CONCLUDE}/{erasure_id}" + (f"/{again.isoformat()}" if again else "")
    await work.enqueue(step="erasure", kind=CONCLUDE, key=key, subject=erasure_id, payload={"run": 1})


@dataclass(frozen=True, slots=True)
class Conclude:
    """Deletes what had to stay until all had answered, and signs the receipt."""

    database: Database
    blobs: Blobs
    records_on: RecordsOn
    purger: Purger
    receipts: Receipts
    announced: Sequence[str]
    """Streams of ours."""
    farewell: Callable[[UUID], Awaitable[None]]
    """Signs out whoever is left of a tenant."""

    async def __call__(self, task: Task) -> None:
        """Do one task; once more is fine."""
        async with self.database.read(task.tenant_id) as connection:
            erasure = await self.records_on(connection).erasures.get(UUID(task.subject))
        if erasure is None or erasure.state == "completed" or erasure.awaited:
            return
        if erasure.kind == "tenant":
            await self.farewell(task.tenant_id)
            await self._forget_words(task.tenant_id)
        # A job whose script is erased goes on without it: the fact that asks for its other steps must get through.
        spared = (JobRequested.stream,) if erasure.kind == "script" else ()
        blobs = await self._delete_blobs(task.tenant_id, erasure)
        rows = dict(erasure.rows)
        blobs = _sum(blobs, await self._end_exports(task.tenant_id))
        async with self.database.begin(task.tenant_id) as work:
            rows["outbox"] = await work.unsay(erasure.subject_id, sparing=spared)
            if erasure.kind == "tenant":
                rows = _sum(rows, await work.empty_tables(but=_KEPT, last=_LEANT_ON))
        rows["redis"] = await self.purger.forget(erasure.subject_id, announced=self.announced, sparing=spared)
        async with task.finish() as work:
            records = self.records_on(work.connection)
            rows = _sum(rows, await _last_rows(records, erasure))
            if erasure.kind == "tenant":
                rows["tasks"] = await work.forget_tasks(task.tenant_id) - 1  # this one is its end, no trace of it
            rows = _sum(rows, await records.erasures.mentions(erasure.subject_id))
            now = datetime.now(UTC)
            ours = Answer(OURSELVES, now, {name: count for name, count in rows.items() if count}, blobs)
            await records.erasures.answer(erasure.id, ours)
            claims = receipt_claims(erasure, tenant_id=task.tenant_id, answers=(*erasure.answers, ours))
            receipt = await self.receipts.sign(work, claims)
            await records.erasures.complete(erasure.id, at=now, receipt=receipt)

    async def _forget_words(self, tenant_id: UUID) -> None:
        """The words a tenant's documents were found by are deleted with the documents, and in no other way."""
        while True:
            async with self.database.begin(tenant_id) as work:
                records = self.records_on(work.connection)
                found = await records.erasures.indexed(limit=_AT_ONCE)
                for video_id, script_id in found:
                    await forget(records, video_id=video_id, script_id=None if video_id else script_id)
            if len(found) < _AT_ONCE:
                return

    async def _end_exports(self, tenant_id: UUID) -> dict[str, int]:
        """What was erased may be in any of them: delete those that are there, and stop those that are being made."""
        async with self.database.begin(tenant_id) as work:
            exports = self.records_on(work.connection).exports
            found = await exports.page(before=None, limit=_MOST_EXPORTS)
            for export in found:
                await work.cancel_tasks(subject=export.id)
                await exports.fail(export.id, "erasure", at=datetime.now(UTC))
        for export in found:
            await self.blobs.delete(export_key(tenant_id, export.id))
        ready = [export.id for export in found if export.state == "ready"]
        async with self.database.begin(tenant_id) as work:
            await self.records_on(work.connection).exports.forget(ready)
        return {"derived/exports": len(ready)} if ready else {}

    async def _delete_blobs(self, tenant_id: UUID, erasure: Erasure) -> dict[str, int]:
        counts: dict[str, int] = {}
        places = erasure.places
        if erasure.kind == "tenant":
            places = tuple(f"{kind}/{tenant_id}/" for kind in ("original", "derived", "scratch"))
        for place in places:
            name = "/".join(part for part in place.split("/")[:3:2] if part)
            if place.endswith("/"):
                counts[name] = counts.get(name, 0) + await self.blobs.delete_prefix(place)
            else:
                await self.blobs.delete(place)
                counts[name] = counts.get(name, 0) + 1
        return {name: count for name, count in counts.items() if count}


async def _last_rows(records: Records, erasure: Erasure) -> Mapping[str, int]:
    match erasure.kind:
        case "video":
            return await records.erasures.rows_of_video(erasure.subject_id)
        case "tenant":
            await records.erasures.job_counts()
            return {}
        case _:
            return {}


def _sum(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + now.get(name, 0) for name in {*before, *now}}
