"""The end of an erasure: what had to stay until all had answered is deleted, and the receipt is signed.

Each part is done again should we die in the middle. What a transaction deleted is counted in the same transaction, so
that the receipt tells all of it whoever wrote it in the end.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Task
from contracts.gateway import AlignmentCorrected, JobRequested
from gateway.domain.erasures import OURSELVES, PARTS, Answer, Erasure, Kind, receipt_claims
from gateway.domain.exports import export_key
from gateway.ports import Changes, Records, RecordsOn
from gateway.ports.erasures import Receipts
from gateway.usecases.indexing import forget

__all__ = ["ConcludeErasure"]

_KEPT = frozenset({"audit", "audit_seals", "erasures", "erasure_answers", "retentions"})
_LEANT_ON = frozenset({"tenants"})
_AT_ONCE = 100
_MOST_EXPORTS = 10_000
_SPARED: Mapping[Kind, tuple[str, ...]] = {
    "script": (JobRequested.stream,),  # a job whose script is erased goes on without it
    "user": (AlignmentCorrected.stream,),  # what they said stays, and whoever has not heard it yet waits for it
}
"""Facts that must get through though they speak of what is erased, until they are sent."""


class Purger(Protocol):
    """Takes out of the message broker what speaks of something."""

    async def forget(self, about: UUID, *, announced: Sequence[str] = (), sparing: Collection[str] = ()) -> int:
        """Returns how many messages there were."""


@dataclass(frozen=True, slots=True)
class ConcludeErasure:
    """Deletes what had to stay until all had answered, and signs the receipt."""

    database: Database
    blobs: Blobs
    records_on: RecordsOn
    purger: Purger
    receipts: Receipts
    announced: Sequence[str]
    """Streams of ours."""
    changes: Changes
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
        await self._count_blobs(task.tenant_id, erasure)
        for place in _places(task.tenant_id, erasure):
            await (self.blobs.delete_prefix(place) if place.endswith("/") else self.blobs.delete(place))
        if _ends_exports(erasure):
            await self._end_exports(task.tenant_id)
        await self._delete_rows(task.tenant_id, erasure)
        sent = 0
        if _leaves_no_trace(erasure):
            spared = _SPARED.get(erasure.kind, ())
            sent = await self.purger.forget(erasure.subject_id, announced=self.announced, sparing=spared)
        async with task.finish() as work:
            await self._sign(work, erasure, sent)

    async def _count_blobs(self, tenant_id: UUID, erasure: Erasure) -> None:
        """Once, before the first one goes: whoever does it again after we died finds fewer."""
        if any(answer.service == OURSELVES for answer in erasure.answers):
            return
        found = Counter[str]()
        for place in _places(tenant_id, erasure):
            found["/".join(part for part in place.split("/")[:3:2] if part)] += await self._count_at(place)
        async with self.database.begin(tenant_id) as work:
            records = self.records_on(work.connection)
            exports = await records.exports.page(before=None, limit=_MOST_EXPORTS)
            if erasure.kind != "tenant" and _ends_exports(erasure):  # a tenant's are counted where they are
                found["derived/exports"] += sum(export.state == "ready" for export in exports)
            await _count(records, erasure.id, {}, found)

    async def _count_at(self, place: str) -> int:
        if not place.endswith("/"):
            return 1
        return sum([1 async for _ in self.blobs.list(place)]) + sum([1 async for _ in self.blobs.list_growing(place)])

    async def _delete_rows(self, tenant_id: UUID, erasure: Erasure) -> None:
        """What is not sent yet, or might be sent again; and all there is, where it is a tenant."""
        async with self.database.begin(tenant_id) as work:
            records = self.records_on(work.connection)
            rows: dict[str, int] = {}
            if _leaves_no_trace(erasure):
                rows["outbox"] = await work.unsay(erasure.subject_id, sparing=_SPARED.get(erasure.kind, ()))
            if erasure.kind == "tenant":
                rows = _sum(rows, await records.erasures.depart())
                rows = _sum(rows, await work.empty_tables(but=_KEPT, last=_LEANT_ON))
            await _count(records, erasure.id, rows)

    async def _sign(self, work: UnitOfWork, erasure: Erasure, sent: int) -> None:
        """Delete the last rows, which say that it is going on, and sign what all have said."""
        records = self.records_on(work.connection)
        rows = _sum({**erasure.rows, "redis": sent}, await _last_rows(records, erasure))
        if erasure.kind == "tenant":
            rows["tasks"] = await work.forget_tasks(work.tenant_id) - 1  # this one is its end, no trace of it
        if _leaves_no_trace(erasure):
            rows = _sum(rows, await records.erasures.mentions(erasure.subject_id))
        self.changes.note(work, work.tenant_id)  # who tells events holds some in memory
        await _count(records, erasure.id, rows)
        said = await records.erasures.get(erasure.id)
        assert said is not None, "an erasure is not erased"
        claims = receipt_claims(said, tenant_id=work.tenant_id, answers=said.answers)
        receipt = await self.receipts.sign(work, claims)
        await records.erasures.complete(erasure.id, at=datetime.now(UTC), receipt=receipt)

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

    async def _end_exports(self, tenant_id: UUID) -> None:
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
            for export in found:
                await work.forget_tasks(export.id)
            await self.records_on(work.connection).exports.forget(ready)


def _places(tenant_id: UUID, erasure: Erasure) -> Sequence[str]:
    """What is to be deleted of our blobs: by their keys, and by folders, which end with a slash."""
    if erasure.kind == "tenant":
        return [f"{kind}/{tenant_id}/" for kind in ("original", "derived", "scratch")]
    return erasure.places


def _ends_exports(erasure: Erasure) -> bool:
    """Intermediates are in no export, and may go every day."""
    return erasure.kind != "intermediates"


def _leaves_no_trace(erasure: Erasure) -> bool:
    """A video of which parts are erased stays, and so does what speaks of it."""
    return erasure.kind not in PARTS


async def _count(
    records: Records, erasure_id: UUID, rows: Mapping[str, int], blobs: Mapping[str, int] | None = None
) -> None:
    rows, blobs = ({name: count for name, count in (of or {}).items() if count} for of in (rows, blobs))
    await records.erasures.answer(erasure_id, Answer(OURSELVES, datetime.now(UTC), rows, blobs))


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
