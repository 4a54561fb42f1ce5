"""Taking videos in, or turning them away."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import LeaseLost, Task
from contracts.documents import Media
from contracts.event import Event
from contracts.gateway import VideoSubmitted
from contracts.ingest import VideoIngested, VideoRejected
from contracts.steps import Step
from ingest.domain.keys import AUDIO, MEDIA, POSTER, PROXY, THUMBNAILS, derived_folder, original_key
from ingest.domain.refusal import Refused
from ingest.ports import Examine, Order, Terms
from ingest.usecases.forgetting import VideosIn, delete_original, delete_upload

__all__ = ["DropUpload", "QueueVideo", "TakeInVideo", "TookTooLong"]


class TookTooLong(RuntimeError):
    """A file was not taken in within the time allowed."""

    reason = "took_too_long"


ENGINE = "PyAV, ffmpeg"
"""What decodes the film, and what makes its proxy."""


@dataclass(frozen=True)
class QueueVideo:
    """A video came: queue the one task that takes it in."""

    videos: VideosIn

    async def __call__(self, event: Event[VideoSubmitted], work: UnitOfWork) -> None:
        """Once a video, however often it is told; never, if it was erased before we heard of it."""
        video = event.data
        await work.hold(video.video_id)
        if not await self.videos(work).add(video):
            return
        await work.enqueue(
            step=Step.INGEST,
            kind="take_in",
            key=f"{video.video_id}/{Step.INGEST}",
            subject=video.video_id,
            payload={"run": 1, "upload_key": video.upload_key, "sha256": video.sha256},
        )


@dataclass(frozen=True)
class TakeInVideo:
    """Judge an upload by decoding it; store what others need and say so, or say why not."""

    database: Database
    videos: VideosIn
    blobs: Blobs
    examine: Examine
    terms: Terms
    wall_s: float

    async def __call__(self, task: Task) -> None:
        """Do one task. The upload is deleted once the last word is said, by a task of its own: we may die meanwhile."""
        try:
            await self._take_in(task)
        except (LeaseLost, asyncio.CancelledError):
            # An erasure may have deleted the blobs of this video just before ours were written.
            await self._tidy_after_erasure(task)
            raise

    async def _take_in(self, task: Task) -> None:
        began = time.monotonic()
        with TemporaryDirectory(prefix="ingest-", ignore_cleanup_errors=True) as folder:
            try:
                media = await self._examine(task, Path(folder))
            except Refused as refusal:
                await self._turn_away(task, refusal)
                return
            fact = await self._store(task, Path(folder), media)
        fact = fact.model_copy(update={"engine": ENGINE, "seconds": round(time.monotonic() - began, 3)})
        async with task.finish() as work:
            await self.videos(work).admit(fact.video_id, media)
            await work.announce(fact, subject=fact.video_id)
            await _queue_dropping(work, task)

    async def _examine(self, task: Task, folder: Path) -> Media:
        try:
            async with asyncio.timeout(self.wall_s), self.blobs.local(task.payload["upload_key"]) as source:
                order = Order(source=source, sha256=task.payload["sha256"], folder=folder, terms=self.terms)
                return await task.run(self.examine, order)
        except TimeoutError:
            # The chassis takes a timeout for an outage that passes; this one would come again.
            raise TookTooLong(
                f"The file was not taken in within {self.wall_s:.0f} s. Cut it into parts, or raise INGEST_WALL_S."
            ) from None

    async def _turn_away(self, task: Task, refusal: Refused) -> None:
        fact = VideoRejected(video_id=UUID(task.subject), reason=refusal.reason, detail=refusal.detail[:2000])
        async with task.finish() as work:
            await self.videos(work).turn_away(fact.video_id, fact.reason, fact.detail)
            await work.announce(fact, subject=fact.video_id)
            await _queue_dropping(work, task)

    async def _store(self, task: Task, folder: Path, media: Media) -> VideoIngested:
        video_id = UUID(task.subject)
        prefix = derived_folder(task.tenant_id, video_id)
        keys = {name: prefix + name for name in (MEDIA, AUDIO, PROXY, POSTER, THUMBNAILS) if (folder / name).is_file()}
        for name, key in keys.items():
            await self.blobs.put_file(key, folder / name)
        # Last, so that an erasure of another video with the same content has the least time to take it away again.
        original = original_key(task.tenant_id, media.sha256)
        await self._store_once(task.payload["upload_key"], original, media.size_bytes)
        return VideoIngested(
            video_id=video_id,
            sha256=media.sha256,
            original_key=original,
            media_key=keys[MEDIA],
            audio_key=keys.get(AUDIO),
            proxy_key=keys[PROXY],
            poster_key=keys[POSTER],
            thumbnails_key=keys[THUMBNAILS],
            duration_s=media.duration,
            width=media.width,
            height=media.height,
            frames=media.frames,
            frame_rate=media.frame_rate,
            variable_frame_rate=media.variable_frame_rate,
            start_timecode=media.timecode,
        )

    async def _store_once(self, upload_key: str, original: str, size_bytes: int) -> None:
        try:
            known = await self.blobs.stat(original)
        except BlobNotFound:
            known = None
        if known is None or known.size != size_bytes:
            await self.blobs.copy(upload_key, original)

    async def _tidy_after_erasure(self, task: Task) -> None:
        async with self.database.begin(task.tenant_id) as work:
            erased = await self.videos(work).is_erased(UUID(task.subject))
        if erased:
            await self.blobs.delete_prefix(derived_folder(task.tenant_id, UUID(task.subject)))
            await delete_original(self.database, self.videos, self.blobs, task, task.payload["sha256"])


@dataclass(frozen=True)
class DropUpload:
    """Delete an upload that was judged: its bytes are stored as the original, or not wanted.

    Its folder goes, for attempts to send it that were cut short have left their bytes beside those that count.
    """

    blobs: Blobs

    async def __call__(self, task: Task) -> None:
        """Delete it; what is gone already is fine."""
        await delete_upload(self.blobs, task.payload["upload_key"])
        async with task.finish():
            pass


async def _queue_dropping(work: UnitOfWork, task: Task) -> None:
    await work.enqueue(
        step=Step.INGEST,
        kind="drop_upload",
        key=f"{task.subject}/upload",
        subject=task.subject,
        payload={"run": 1, "upload_key": task.payload["upload_key"]},
    )
