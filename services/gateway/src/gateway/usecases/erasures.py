"""Erasures: asked for, answered by every service, concluded with a receipt.

What can be deleted in one commit is deleted where it is asked for. Then every service that may hold something is told,
deletes what it holds and answers with numbers. When all have answered a task deletes what had to stay until then, and
the receipt is signed in its last commit. Nobody is waited for in vain: who stays silent is asked again and again, and
the erasure says whom it waits for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database, UnitOfWork
from chassis.telemetry import get_logger
from contracts import uuid7
from contracts.event import Event, Fact
from contracts.gateway import OriginalErased, ScriptErased, TenantErased, VideoErased
from contracts.retention import CopiesErased, IntermediatesErased, RenditionsErased, ResultsErased, TranscriptsErased
from contracts.traces import TracesErased
from gateway.domain.access import Caller
from gateway.domain.erasures import Answer, Erasure, Kind, Reason
from gateway.domain.refusals import NotFound
from gateway.ports import Records, RecordsOn
from gateway.ports.erasures import Receipts
from gateway.usecases.tokens import digest, tenant_of

__all__ = ["CONCLUDE", "Erasures", "HearAnswers", "announce_erasure", "open_erasure"]

_log = get_logger(__name__)
CONCLUDE = "conclude"
_AT_ONCE = 100


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
    erasure_id: UUID | None = None,
) -> Erasure:
    """Record that something is to leave no trace; it is told to the others by ``announce_erasure``."""
    now = datetime.now(UTC)
    counts = {name: count for name, count in (rows or {}).items() if count}
    erasure = Erasure(
        erasure_id or uuid7(),
        kind,
        subject_id,
        reason,
        now,
        now,
        rows=counts,
        places=tuple(places),
        job_ids=tuple(job_ids),
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
        case "original" | "copies" | "intermediates" | "results" | "transcripts" | "renditions":
            await work.announce(_part_of_a_video(erasure), subject=about)
        case "script":
            await work.announce(ScriptErased(script_id=about, erasure_id=erasure_id), subject=about)
        case "user":  # nobody but us is ever told who somebody is
            await _queue_conclusion(work, erasure_id)
        case "tenant":
            await work.announce(TenantErased(erasure_id=erasure_id), subject=about)


def _part_of_a_video(erasure: Erasure) -> Fact:
    video_id, erasure_id, job_ids = erasure.subject_id, erasure.id, erasure.job_ids
    match erasure.kind:
        case "original":
            return OriginalErased(video_id=video_id, erasure_id=erasure_id)
        case "copies":
            return CopiesErased(video_id=video_id, erasure_id=erasure_id)
        case "intermediates":
            return IntermediatesErased(video_id=video_id, erasure_id=erasure_id, job_ids=job_ids)
        case "results":
            return ResultsErased(video_id=video_id, erasure_id=erasure_id, job_ids=job_ids)
        case "transcripts":
            return TranscriptsErased(video_id=video_id, erasure_id=erasure_id, job_ids=job_ids)
        case "renditions":
            return RenditionsErased(video_id=video_id, erasure_id=erasure_id, job_ids=job_ids)
        case _:
            raise ValueError(f"{erasure.kind} is no part of a video")


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
        answer = Answer(event.source.rpartition("/")[2], event.time, event.data.rows, event.data.blobs)
        await self._note(work, erasure, answer)
        if erasure.kind == "video":  # whoever holds nothing of a video holds none of its parts
            for part in await erasures.running_parts(erasure.subject_id):
                if answer.service in part.awaited:
                    await self._note(work, part, Answer(answer.service, answer.answered_at))

    async def _note(self, work: UnitOfWork, erasure: Erasure, answer: Answer) -> None:
        await self.records_on(work.connection).erasures.answer(erasure.id, answer)
        if not erasure.awaited - {answer.service}:
            await _queue_conclusion(work, erasure.id)


async def _queue_conclusion(work: UnitOfWork, erasure_id: UUID, *, again: datetime | None = None) -> None:
    """A conclusion that failed for good stays where it is seen; asking again makes another one."""
    key = f"{CONCLUDE}/{erasure_id}" + (f"/{again.isoformat()}" if again else "")
    await work.enqueue(step="erasure", kind=CONCLUDE, key=key, subject=erasure_id, payload={"run": 1})
