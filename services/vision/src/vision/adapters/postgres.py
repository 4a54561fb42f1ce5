"""The service's memory in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import stone_of
from contracts.documents import Scenes, Watermarks
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.vision import ScenesDetected, WatermarksDetected
from vision.adapters.tables import cancellations, overlays, requests, scenes, videos

__all__ = ["PostgresRecords"]


class PostgresRecords:
    """The port ``Records`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

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
        """Remember that a run of a job wants something seen; False when the job was cancelled after it asked."""
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
        """Who wants a video looked at, oldest first: ids of the jobs and what they asked."""
        cancelled = cancellations.c.cancelled_at
        query = _asked_about(video_id).outerjoin(cancellations, cancellations.c.job_id == requests.c.job_id)
        return await self._requests(query.where(or_(cancelled.is_(None), requests.c.asked_at > cancelled)))

    async def ever_requested(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Like ``requests``, with those of jobs that were cancelled: some had been served by then."""
        return await self._requests(_asked_about(video_id))

    async def _requests(self, query: Select[tuple[UUID, Any]]) -> Sequence[tuple[UUID, JobRequested]]:
        rows = await self._connection.execute(query.order_by(requests.c.asked_at, requests.c.run))
        return [(job_id, JobRequested.model_validate(request)) for job_id, request in rows]

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> None:
        """Serve no more what a job wanted until then."""
        row = insert(cancellations).values(tenant_id=self._tenant_id, job_id=job_id, cancelled_at=at)
        latest = func.greatest(cancellations.c.cancelled_at, row.excluded.cancelled_at)
        await self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[cancellations.c.tenant_id, cancellations.c.job_id], set_={"cancelled_at": latest}
            )
        )

    async def add_scenes(self, job_id: UUID, fact: ScenesDetected, document: Scenes) -> None:
        """Record the scenes a run found; the same run again changes nothing."""
        rows = [
            {
                "tenant_id": self._tenant_id,
                "job_id": job_id,
                "run": fact.run,
                "video_id": fact.video_id,
                "start_s": scene.start,
                "end_s": scene.end,
                **scene.model_dump(include={"index", "start_frame", "end_frame", "transition", "score"}),
            }
            for scene in document.scenes
        ]
        if rows:
            await self._connection.execute(insert(scenes).on_conflict_do_nothing(), rows)

    async def add_overlays(self, job_id: UUID, fact: WatermarksDetected, document: Watermarks) -> None:
        """Record the marks a run found; the same run again changes nothing."""
        rows = [
            {
                "tenant_id": self._tenant_id,
                "job_id": job_id,
                "run": fact.run,
                "index": index,
                "video_id": fact.video_id,
                "start_s": mark.start,
                "end_s": mark.end,
                "box": list(mark.box),
                **mark.model_dump(include={"kind", "text", "confidence", "moving"}),
            }
            for index, mark in enumerate(document.marks)
        ]
        if rows:
            await self._connection.execute(insert(overlays).on_conflict_do_nothing(), rows)

    async def erase_results(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget the scenes and marks that these jobs found; returns how many rows of what."""
        counts = {}
        for table in (scenes, overlays):
            found = delete(table).where(table.c.job_id.in_(job_ids))
            counts[table.name] = (await self._connection.execute(found)).rowcount
        return counts

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what.

        A stone stays, from which nobody learns which video it was.
        """
        counts = {}
        for table in (requests, scenes, overlays, videos):
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


def _asked_about(video_id: UUID) -> Select[tuple[UUID, Any]]:
    return select(requests.c.job_id, requests.c.request).where(requests.c.video_id == video_id)
