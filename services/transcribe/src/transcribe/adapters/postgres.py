"""The service's memory in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import stone_of
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.transcribe import TranscriptReady
from transcribe.adapters.tables import cancellations, pieces, requests, transcripts, videos
from transcribe.ports import PieceRow

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
        """Remember that a run of a job wants a transcript; False when the job was cancelled after it asked."""
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
        """Who wants a transcript of a video, oldest first: ids of the jobs and what they asked."""
        query = select(requests.c.job_id, requests.c.request).where(requests.c.video_id == video_id)
        rows = await self._connection.execute(query.order_by(requests.c.asked_at, requests.c.run))
        return [(job_id, JobRequested.model_validate(request)) for job_id, request in rows]

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> bool:
        """Forget what a job wanted until then; False if it wanted nothing of us."""
        row = insert(cancellations).values(tenant_id=self._tenant_id, job_id=job_id, cancelled_at=at)
        latest = func.greatest(cancellations.c.cancelled_at, row.excluded.cancelled_at)
        await self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[cancellations.c.tenant_id, cancellations.c.job_id], set_={"cancelled_at": latest}
            )
        )
        wanted = delete(requests).where(requests.c.job_id == job_id, requests.c.asked_at <= at)
        forgotten = await self._connection.execute(wanted)
        await self._connection.execute(delete(pieces).where(pieces.c.job_id == job_id))
        return forgotten.rowcount > 0

    async def add_pieces(self, job_id: UUID, run: int, video_id: UUID, rows: Sequence[PieceRow]) -> None:
        """Remember into what a run was cut, in place of what was known of it."""
        await self._connection.execute(delete(pieces).where(pieces.c.job_id == job_id, pieces.c.run == run))
        about = {"tenant_id": self._tenant_id, "job_id": job_id, "run": run, "video_id": video_id}
        heard = [about | asdict(row) | {"heard_s": 0.0 if row.seconds is None else row.length_s} for row in rows]
        await self._connection.execute(insert(pieces), heard)

    async def add_heard(self, job_id: UUID, run: int, index: int, heard_s: float) -> float:
        """Note how many seconds of a piece are heard; returns those of the whole run."""
        this = and_(pieces.c.job_id == job_id, pieces.c.run == run)
        farther = func.greatest(pieces.c.heard_s, func.least(heard_s, pieces.c.length_s))
        await self._connection.execute(update(pieces).where(this, pieces.c.index == index).values(heard_s=farther))
        return float(await self._connection.scalar(select(func.sum(pieces.c.heard_s)).where(this)) or 0.0)

    async def complete_piece(self, job_id: UUID, run: int, index: int, *, seconds: float) -> None:
        """Note that a piece is heard, and how many seconds that took; a second time changes nothing."""
        this = and_(pieces.c.job_id == job_id, pieces.c.run == run, pieces.c.index == index)
        heard = {"seconds": seconds, "heard_s": pieces.c.length_s}
        await self._connection.execute(update(pieces).where(this, pieces.c.seconds.is_(None)).values(heard))

    async def pieces(self, job_id: UUID, run: int) -> Sequence[PieceRow]:
        """The pieces of a run, in order; none when it is heard at once."""
        query = select(pieces.c.index, pieces.c.length_s, pieces.c.seconds)
        query = query.where(pieces.c.job_id == job_id, pieces.c.run == run).order_by(pieces.c.index)
        return [PieceRow(*row) for row in await self._connection.execute(query)]

    async def add_transcript(self, job_id: UUID, transcript: TranscriptReady) -> None:
        """Record a finished transcript; the same run again changes nothing."""
        row = insert(transcripts).values(
            tenant_id=self._tenant_id,
            job_id=job_id,
            **transcript.model_dump(include={"run", "video_id", "key", "language", "words", "engine"}),
        )
        await self._connection.execute(row.on_conflict_do_nothing())

    async def transcribed(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Job and run of every transcript made of a video."""
        query = select(transcripts.c.job_id, transcripts.c.run).where(transcripts.c.video_id == video_id)
        return [(job_id, run) for job_id, run in await self._connection.execute(query)]

    async def erase_transcripts(self, job_ids: Sequence[UUID]) -> int:
        """Forget the transcripts of these jobs; returns how many there were."""
        return (await self._connection.execute(delete(transcripts).where(transcripts.c.job_id.in_(job_ids)))).rowcount

    async def erase_pieces(self, job_ids: Sequence[UUID]) -> int:
        """Forget into what these jobs were cut; returns how many pieces there were."""
        return (await self._connection.execute(delete(pieces).where(pieces.c.job_id.in_(job_ids)))).rowcount

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what.

        A stone stays, from which nobody learns which video it was.
        """
        counts = {}
        for table in (requests, pieces, transcripts, videos):
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
