"""The service's memory in PostgreSQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import stone_of
from contracts.documents import Media
from contracts.gateway import VideoSubmitted
from contracts.ingest import RejectionReason
from ingest.adapters.tables import videos

__all__ = ["PostgresVideos"]


class PostgresVideos:
    """The port ``Videos`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def add(self, video: VideoSubmitted) -> bool:
        """Remember a video that came; False if it is known already, or was erased before it came."""
        if await self.is_erased(video.video_id):
            return False
        row = insert(videos).values(
            tenant_id=self._tenant_id,
            video_id=video.video_id,
            state="waiting",
            filename=video.filename,
            sha256=video.sha256,
            size_bytes=video.size_bytes,
        )
        result = await self._connection.execute(row.on_conflict_do_nothing())
        return result.rowcount == 1

    async def admit(self, video_id: UUID, media: Media) -> None:
        """Record what it is."""
        await self._judge(video_id, state="admitted", media=media.model_dump(mode="json"))

    async def turn_away(self, video_id: UUID, reason: RejectionReason, detail: str) -> None:
        """Record why it was not taken in."""
        await self._judge(video_id, state="rejected", reason=str(reason), detail=detail)

    async def erase(self, video_id: UUID) -> str | None:
        """Forget it, so that it never comes again; returns the sha256 it had. A stone stays, that names nobody."""
        gone = delete(videos).where(videos.c.video_id == video_id).returning(videos.c.sha256)
        sha256: str | None = await self._connection.scalar(gone)
        stone = insert(videos).values(tenant_id=self._tenant_id, video_id=stone_of(video_id), state="erased")
        await self._connection.execute(stone.on_conflict_do_nothing())
        return sha256

    async def release(self, video_id: UUID) -> str | None:
        """Forget which content it came as; returns the sha256 of it, None if that is forgotten or it is not there."""
        query = select(videos.c.sha256).where(videos.c.video_id == video_id)
        sha256: str | None = await self._connection.scalar(query)
        await self._connection.execute(update(videos).where(videos.c.video_id == video_id).values(sha256=None))
        return sha256

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        query = select(videos.c.state).where(videos.c.video_id == stone_of(video_id))
        return await self._connection.scalar(query) is not None

    async def hold(self, sha256: str) -> bool:
        """Whether any video of the tenant, not turned away, has this content."""
        query = select(videos.c.video_id).where(videos.c.sha256 == sha256, videos.c.state.in_(("waiting", "admitted")))
        return (await self._connection.scalar(query.limit(1))) is not None

    async def _judge(self, video_id: UUID, **verdict: Any) -> None:
        row = update(videos).where(videos.c.video_id == video_id, videos.c.state != "erased")
        await self._connection.execute(row.values(judged_at=func.now(), **verdict))
