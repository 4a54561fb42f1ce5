"""The service's memory in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import stone_of
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step
from upscale.adapters.tables import cancellations, chunks, findings, plans, requests, videos
from upscale.ports import ChunkRow, Finding, PlanRow

__all__ = ["PostgresRecords"]

_CHUNK = [chunks.c[name] for name in ChunkRow.__dataclass_fields__]
_PLAN = [plans.c[name] for name in PlanRow.__dataclass_fields__]


class PostgresRecords:
    """The port ``Records`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def lock_video(self, video_id: UUID) -> None:
        """Let no other transaction join this video with a job until ours ends."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(video_id), 0))))

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video; a second telling, or one after it was erased, changes nothing."""
        if await self.is_erased(video.video_id):
            return
        row = insert(videos).values(
            tenant_id=self._tenant_id, video_id=video.video_id, ingested=video.model_dump(mode="json")
        )
        await self._connection.execute(row.on_conflict_do_nothing())

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, unless it is not known yet or was erased."""
        query = select(videos.c.ingested).where(videos.c.video_id == video_id, videos.c.erased.is_(False))
        ingested = await self._connection.scalar(query)
        return None if ingested is None else VideoIngested.model_validate(ingested)

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember that a run of a job wants upscaling; False when the job was cancelled after it asked."""
        cancelled_at = await self._connection.scalar(
            select(cancellations.c.cancelled_at).where(cancellations.c.job_id == job_id)
        )
        if (cancelled_at is not None and cancelled_at >= asked_at) or await self.is_erased(request.video_id):
            return False
        row = insert(requests).values(
            tenant_id=self._tenant_id,
            job_id=job_id,
            run=request.run,
            video_id=request.video_id,
            request=request.model_dump(mode="json"),
            asked_at=asked_at,
        )
        await self._connection.execute(row.on_conflict_do_nothing())
        return True

    async def requests(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Who wants a video upscaled, oldest first: ids of the jobs and what they asked."""
        query = select(requests.c.job_id, requests.c.request).where(
            requests.c.video_id == video_id, requests.c.cancelled.is_(False)
        )
        rows = await self._connection.execute(query.order_by(requests.c.asked_at, requests.c.run))
        return [(job_id, JobRequested.model_validate(request)) for job_id, request in rows]

    async def add_finding(
        self, job_id: UUID, video_id: UUID, step: Step, *, key: str | None = None, failed_run: int | None = None
    ) -> None:
        """Remember what a job's step found, or that a run of it failed; nothing of a video that was erased."""
        if await self.is_erased(video_id):
            return
        row = insert(findings).values(
            tenant_id=self._tenant_id, job_id=job_id, step=step, video_id=video_id, key=key, failed_run=failed_run
        )
        newest = {
            "key": func.coalesce(row.excluded.key, findings.c.key),
            "failed_run": func.greatest(row.excluded.failed_run, findings.c.failed_run),
        }
        kept = [findings.c.tenant_id, findings.c.job_id, findings.c.step]
        await self._connection.execute(row.on_conflict_do_update(index_elements=kept, set_=newest))

    async def finding(self, job_id: UUID, step: Step) -> Finding:
        """What we have heard of a job's step."""
        query = select(findings.c.key, findings.c.failed_run).where(
            findings.c.job_id == job_id, findings.c.step == step
        )
        row = (await self._connection.execute(query)).one_or_none()
        return Finding() if row is None else Finding(row.key, row.failed_run or 0)

    async def runs(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Every job and run that ever wanted a video upscaled, cancelled ones too."""
        rows = await self._connection.execute(
            select(requests.c.job_id, requests.c.run).where(requests.c.video_id == video_id)
        )
        return [(job_id, run) for job_id, run in rows]

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> bool:
        """Note that nobody waits for what a job wanted until then; False if it wanted nothing of us."""
        row = insert(cancellations).values(tenant_id=self._tenant_id, job_id=job_id, cancelled_at=at)
        latest = func.greatest(cancellations.c.cancelled_at, row.excluded.cancelled_at)
        await self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[cancellations.c.tenant_id, cancellations.c.job_id], set_={"cancelled_at": latest}
            )
        )
        wanted = requests.c.job_id == job_id, requests.c.asked_at <= at
        cancelled = await self._connection.execute(update(requests).where(*wanted).values(cancelled=True))
        return cancelled.rowcount > 0

    async def newest_run(self, job_id: UUID) -> int | None:
        """The run somebody waits for; None when the job was cancelled or its video erased."""
        query = select(func.max(requests.c.run)).where(requests.c.job_id == job_id, requests.c.cancelled.is_(False))
        run: int | None = await self._connection.scalar(query)
        return run

    async def erase_renditions(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget how the films of these jobs were made; returns how many rows of what."""
        counts = {}
        for table in (plans, chunks):
            made = delete(table).where(table.c.job_id.in_(job_ids))
            counts[table.name] = (await self._connection.execute(made)).rowcount
        return counts

    async def discard_chunks_of(self, job_ids: Sequence[UUID]) -> None:
        """Forget what was made of any chunk of these jobs, so that it is made anew if they are asked for again."""
        made = chunks.c.job_id.in_(job_ids), chunks.c.key.is_not(None)
        await self._connection.execute(update(chunks).where(*made).values(key=None, frames_done=0))

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what.

        A stone stays, from which nobody learns which video it was.
        """
        counts = {}
        for table in (requests, plans, chunks, findings, videos):
            about = delete(table).where(table.c.video_id == video_id)
            counts[table.name] = (await self._connection.execute(about)).rowcount
        called_off = delete(cancellations).where(cancellations.c.job_id.in_(job_ids))
        counts[cancellations.name] = (await self._connection.execute(called_off)).rowcount
        stone = insert(videos).values(tenant_id=self._tenant_id, video_id=stone_of(video_id), erased=True)
        await self._connection.execute(stone.on_conflict_do_nothing())
        return counts

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        query = select(videos.c.erased).where(videos.c.video_id == stone_of(video_id))
        return bool(await self._connection.scalar(query))

    async def add_plan(self, plan: PlanRow, spans: Sequence[ChunkRow]) -> None:
        """Remember a plan and the chunks it lacks; chunks known by the same manifest stay as they are."""
        row = insert(plans).values(tenant_id=self._tenant_id, **asdict(plan))
        await self._connection.execute(row.on_conflict_do_nothing())
        rows = [
            {
                "tenant_id": self._tenant_id,
                "job_id": plan.job_id,
                "manifest_sha256": plan.manifest_sha256,
                "video_id": plan.video_id,
                "index": span.index,
                "start": span.start,
                "end": span.end,
            }
            for span in spans
        ]
        await self._connection.execute(insert(chunks).on_conflict_do_nothing(), rows)

    async def plan(self, job_id: UUID, run: int) -> PlanRow | None:
        """The plan of one run."""
        query = select(*_PLAN).where(plans.c.job_id == job_id, plans.c.run == run)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else PlanRow(**row._mapping)

    async def chunk_megapixels(self, job_id: UUID) -> float | None:
        """How much an earlier run of this job put into a chunk: with that the same chunks come out again."""
        query = select(plans.c.chunk_megapixels).where(plans.c.job_id == job_id).order_by(plans.c.run).limit(1)
        return await self._connection.scalar(query) or None

    async def chunks(self, job_id: UUID, manifest_sha256: str) -> Sequence[ChunkRow]:
        """The chunks of a manifest, in order."""
        query = select(*_CHUNK).where(*_of(job_id, manifest_sha256)).order_by(chunks.c.start)
        return [ChunkRow(**row._mapping) for row in await self._connection.execute(query)]

    async def add_progress(self, job_id: UUID, manifest_sha256: str, index: int, frames_done: float) -> float:
        """Note how far a chunk is; returns the frames done over all chunks. It never goes back."""
        of_plan = _of(job_id, manifest_sha256)
        farthest = func.greatest(chunks.c.frames_done, frames_done)
        await self._connection.execute(
            update(chunks).where(*of_plan, chunks.c.index == index).values(frames_done=farthest)
        )
        done = await self._connection.scalar(select(func.sum(chunks.c.frames_done)).where(*of_plan))
        return float(done or 0)

    async def complete_chunk(self, job_id: UUID, manifest_sha256: str, chunk: ChunkRow) -> bool:
        """Record a finished chunk; False if another machine was first, and then nothing changes."""
        values: dict[str, Any] = {**asdict(chunk), "frames_done": float(chunk.end - chunk.start)}
        missing = and_(
            *_of(job_id, manifest_sha256),
            chunks.c.index == chunk.index,
            chunks.c.start == chunk.start,
            chunks.c.end == chunk.end,  # else it was cut in two since it was given out: frames would be there twice
            chunks.c.key.is_(None),
        )
        return (await self._connection.execute(update(chunks).where(missing).values(values))).rowcount == 1

    async def split_chunk(self, job_id: UUID, manifest_sha256: str, index: int, at: int) -> ChunkRow | None:
        """End an unfinished chunk at this frame; returns the new one that begins there, or None if it is made.

        The number of the new one says nothing about its place: chunks are in order by their first frames.
        """
        plan = plans.c.job_id == job_id, plans.c.manifest_sha256 == manifest_sha256
        await self._connection.execute(select(plans.c.run).where(*plan).with_for_update())
        of_plan = _of(job_id, manifest_sha256)
        which = and_(*of_plan, chunks.c.index == index, chunks.c.key.is_(None), chunks.c.start < at, at < chunks.c.end)
        known = (await self._connection.execute(select(chunks).where(which).with_for_update())).one_or_none()
        if known is None:
            return None
        last = await self._connection.scalar(select(func.max(chunks.c.index)).where(*of_plan))
        rest = ChunkRow(int(last or 0) + 1, at, known.end)
        await self._connection.execute(update(chunks).where(which).values(end=at))
        row = {name: known._mapping[name] for name in ("tenant_id", "job_id", "manifest_sha256", "video_id")}
        await self._connection.execute(insert(chunks).values(**row, index=rest.index, start=rest.start, end=rest.end))
        await self._connection.execute(update(plans).where(*plan).values(chunks=plans.c.chunks + 1))
        return rest

    async def discard_chunks(self, job_id: UUID, manifest_sha256: str, indexes: Sequence[int]) -> None:
        """Forget what was made of these chunks, so that they are made anew."""
        which = and_(*_of(job_id, manifest_sha256), chunks.c.index.in_(indexes))
        await self._connection.execute(update(chunks).where(which).values(key=None, frames_done=0))


def _of(job_id: UUID, manifest_sha256: str) -> tuple[Any, Any]:
    return chunks.c.job_id == job_id, chunks.c.manifest_sha256 == manifest_sha256
