"""What is held of a video, class by class: looked at, and deleted, by hand or because its time is over.

The video stays, with what the other classes hold. What jobs made goes job by job: what another job made of the same
video stays, and so does what is made later.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.steps import Step
from gateway.domain.access import Caller
from gateway.domain.erasures import Erasure, Reason
from gateway.domain.held import COPIES, ERASURE_OF, FINDINGS_OF, HELD, Deletion, Held, HeldKind, names_under
from gateway.domain.jobs import Job
from gateway.domain.library import Video
from gateway.domain.refusals import InUse, NotFound, NotReady, VideoUnusable
from gateway.domain.retention import ANYTHING, Policy, Retention
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.erasures import announce_erasure, open_erasure
from gateway.usecases.indexing import forget

__all__ = ["HeldThings", "note_work", "require_there"]

Unless = Callable[[Sequence[Held]], None]


class HeldThings:
    """What there is of videos, and deleting it class by class."""

    def __init__(self, database: Database, records_on: RecordsOn, changes: Changes, policy: Policy = ANYTHING) -> None:
        self._database = database
        self._records_on = records_on
        self._changes = changes
        self._policy = policy

    async def of(self, caller: Caller, video_id: UUID) -> Sequence[Held]:
        """What there is of a video. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            video = await records.videos.get(video_id)
            if video is None or video.state == "erased":
                raise NotFound("there is no such video")
            return await self._held(records, video)

    async def delete(self, caller: Caller, video_id: UUID, kind: HeldKind, *, unless: Unless) -> Erasure:
        """Delete a class of a video because somebody asks for it; the one before, where nothing is left to delete.

        ``unless`` raises for what must not be deleted. Raises NotFound, NotReady where there never was any, InUse.
        """
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            video = await records.videos.get(video_id, lock=True)
            if video is None or video.state == "erased":
                raise NotFound("there is no such video")
            jobs = await records.jobs.of_video(video_id)
            held = await self._held(records, video)
            unless(held)
            if any(not job.over for job in jobs):
                raise InUse(f"a job of this video is not over, and may need its {kind}; wait for it, or call it off")
            if next(one for one in held if one.kind == kind).count:
                return await self.delete_in(work, video, kind, reason="asked", jobs=jobs)
            before = (await records.held.last(video_id)).get(ERASURE_OF[kind])
            if before is None:
                raise NotReady(f"this video has no {kind}")
            return await records.erasures.get(before.id) or before

    async def delete_in(
        self,
        work: UnitOfWork,
        video: Video,
        kind: HeldKind,
        *,
        reason: Reason,
        jobs: Sequence[Job],
        only: Collection[UUID] | None = None,
    ) -> Erasure:
        """Delete a class of a video within a transaction that has locked it and its jobs; or what ``only`` some made.

        Says so to those who hold it. What a job that is not over has made stays.
        """
        records, now, erasure_id = self._records_on(work.connection), datetime.now(UTC), uuid7()
        over = [job for job in jobs if job.over and (only is None or job.id in only)]
        rows: dict[str, int] = {}
        if kind == "originals":
            kept = {name: key for name, key in video.keys.items() if name not in ("original", "upload")}
            await records.videos.save(replace(video, keys=kept, original_deleted_at=now))
        elif kind == "copies":
            kept = {name: key for name, key in video.keys.items() if name not in COPIES}
            await records.videos.save(replace(video, keys=kept, copies_deleted_at=now))
        elif kind == "intermediates":
            await records.videos.save(replace(video, intermediates_deleted_at=now))
        else:
            theirs, rows["findings"] = await self._delete_found(work, over, kind, at=now, erasure_id=erasure_id)
            over = over if only is None else theirs  # by hand goes what failed jobs had of it, too
        if kind == "transcripts":
            rows["search_documents"] = await _make_unfindable(records, video.id, jobs, {job.id for job in over})
        erasure = await open_erasure(
            records,
            ERASURE_OF[kind],
            video.id,
            reason=reason,
            rows=rows,
            job_ids=() if kind in ("originals", "copies") else [job.id for job in over],
            erasure_id=erasure_id,
        )
        await announce_erasure(work, erasure)
        return erasure

    async def _delete_found(
        self, work: UnitOfWork, jobs: Sequence[Job], kind: HeldKind, *, at: datetime, erasure_id: UUID
    ) -> tuple[list[Job], int]:
        """Whose findings are deleted, and how many there were."""
        records = self._records_on(work.connection)
        known = {job.id: job for job in jobs}
        found = await records.findings.of_jobs(list(known), FINDINGS_OF[kind])
        names: dict[UUID, set[str]] = {}
        for finding in found:
            under = names_under(finding, known[finding.job_id].results)
            await records.findings.delete(finding.id, under, at=at, erasure_id=erasure_id)
            names.setdefault(finding.job_id, set()).update(under)
        for job_id, deleted in names.items():
            job = known[job_id]
            left = {name: key for name, key in job.results.items() if name not in deleted}
            await records.jobs.save(replace(job, results=left, version=job.version + 1))
            self._changes.note(work, job_id)
        return [known[job_id] for job_id in names], len(found)

    async def _held(self, records: Records, video: Video) -> Sequence[Held]:
        rules = self._policy.rules(await records.retentions.said())
        found = await records.held.found(video.id)
        deleted = await records.held.last(video.id)
        counts: dict[HeldKind, tuple[int, datetime | None]] = dict(found)
        if video.state == "ready":
            ended, last = await records.held.ended(video.id)
            counts["originals"] = ("original" in video.keys, video.created_at)
            counts["copies"] = (len(COPIES & video.keys.keys()), max(last or video.created_at, video.created_at))
            counts["intermediates"] = (0 if video.intermediates_deleted_at else ended, last)
        return [_one(kind, *counts.get(kind, (0, None)), rules, deleted.get(ERASURE_OF[kind])) for kind in HELD]


def _one(kind: HeldKind, count: int, oldest_at: datetime | None, rules: Retention, last: Erasure | None) -> Held:
    return Held(
        kind=kind,
        count=int(count),
        oldest_at=oldest_at if count else None,
        days=getattr(rules, kind),
        deleted=Deletion(last.requested_at, last.reason, last.id) if last else None,
    )


async def _make_unfindable(records: Records, video_id: UUID, jobs: Sequence[Job], deleted: Collection[UUID]) -> int:
    """Take a deleted transcript out of the search's index; what is left of the video's is found from then on."""
    if await records.search.transcript_of(video_id) not in deleted:
        return 0
    count = await forget(records, video_id=video_id)
    left = await records.findings.of_jobs([job.id for job in jobs], ("transcript",))
    if left:
        newest = max(left, key=lambda finding: finding.job_id)
        await records.search.note_transcript(video_id=video_id, job_id=newest.job_id, run=newest.run, key=newest.key)
    return count


async def note_work(records: Records, video: Video) -> None:
    """A job was asked for, which may leave intermediates. The video is locked."""
    if video.intermediates_deleted_at is not None:
        await records.videos.save(replace(video, intermediates_deleted_at=None))


async def require_there(records: Records, job: Job, steps: Collection[Step]) -> None:
    """Raise for a job that must not be asked for again: now, since a part of it is being deleted, or ever.

    Else what is made anew would be deleted with what was there before. Raises InUse; VideoUnusable if an alignment is
    to be made once more whose transcript was deleted.
    """
    for part in await records.erasures.running_parts(job.video_id):
        if job.id in part.job_ids:
            raise InUse(f"the {part.kind} of this job are being deleted; ask again in a moment")
    if Step.ALIGNMENT not in steps or Step.TRANSCRIPT in steps:
        return
    for finding in await records.findings.deleted(job_id=job.id):
        if finding.kind == "transcript":
            when = f"the transcript of this job was deleted on {finding.deleted_at:%F}"
            raise VideoUnusable(f"{when}, which an alignment cannot be made without; ask for a new job")
