"""Forgetting what must be forgotten: a video, what it came as, what was kept to work with it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.erasing import Eraser, queue_forgetting
from chassis.work import Task
from contracts.event import Event
from contracts.gateway import OriginalErased, VideoErased
from contracts.retention import CopiesErased
from contracts.steps import Step
from ingest.domain.keys import COPIES, derived_folder, original_key
from ingest.ports import Videos

__all__ = [
    "EraseBlobs",
    "ForgetCopies",
    "ForgetOriginal",
    "ForgetVideo",
    "VideosIn",
    "delete_original",
    "delete_upload",
]

VideosIn = Callable[[UnitOfWork], Videos]
_FOLDER = re.compile(r"scratch/[^/]+/uploads/[^/]+")


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    videos: VideosIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its task, erase its row, queue the deletion of its blobs."""
        video_id = event.data.video_id
        await work.hold(video_id)
        stopped = await work.cancel_tasks(subject=video_id)
        sha256 = await self.videos(work).erase(video_id)
        await queue_forgetting(
            work,
            step=Step.INGEST,
            about=video_id,
            erasure_id=event.data.erasure_id,
            rows={} if sha256 is None else {"videos": 1},
            sha256=sha256,
            upload_keys=[each["upload_key"] for each in stopped if "upload_key" in each],
        )


@dataclass(frozen=True)
class ForgetOriginal:
    """Delete what a video came as, and keep the video: the blob by a task, unless another video came as the same."""

    videos: VideosIn

    async def __call__(self, event: Event[OriginalErased], work: UnitOfWork) -> None:
        """Queue the deletion. It is about the erasure: what speaks of the video shall get through."""
        await work.hold(event.data.video_id)
        sha256 = await self.videos(work).release(event.data.video_id)
        erasure_id = event.data.erasure_id
        await queue_forgetting(
            work, step=Step.INGEST, about=erasure_id, erasure_id=erasure_id, rows={}, original=sha256
        )


@dataclass(frozen=True)
class ForgetCopies:
    """Delete what was made of a video to work with: its sound, its proxy, its thumbnails. Measures and poster stay."""

    async def __call__(self, event: Event[CopiesErased], work: UnitOfWork) -> None:
        """Queue the deletion. It is about the erasure, as that of an original is."""
        folder, erasure_id = derived_folder(event.tenantid, event.data.video_id), event.data.erasure_id
        keys = [folder + name for name in COPIES]
        await queue_forgetting(work, step=Step.INGEST, about=erasure_id, erasure_id=erasure_id, rows={}, copies=keys)


@dataclass(frozen=True)
class EraseBlobs:
    """Delete what is stored of an erased video, or of an erased tenant."""

    database: Database
    videos: VideosIn
    blobs: Blobs
    eraser: Eraser

    async def __call__(self, task: Task) -> None:
        """Delete what is there; what is gone already is fine."""
        if "original" in task.payload:
            deleted = await delete_original(self.database, self.videos, self.blobs, task, task.payload["original"])
            await self.eraser.conclude(task, {"original": deleted})
            return
        if "copies" in task.payload:
            await self.eraser.conclude(task, await self.eraser.delete(task, task.payload["copies"]))
            return
        if "sha256" not in task.payload:
            await self.eraser(task)
            return
        for upload_key in task.payload["upload_keys"]:
            await delete_upload(self.blobs, upload_key)
        await self.eraser.conclude(task, await self._erase(task))

    async def _erase(self, task: Task) -> dict[str, int]:
        """Delete what was derived, and the original unless another video of the tenant has the same content."""
        derived = await self.eraser.delete(task, [derived_folder(task.tenant_id, UUID(task.subject))])
        sha256 = task.payload["sha256"]
        return {**derived, "original": await delete_original(self.database, self.videos, self.blobs, task, sha256)}


async def delete_original(database: Database, videos: VideosIn, blobs: Blobs, task: Task, sha256: str | None) -> int:
    """How many were deleted. Without a digest it was erased before we heard of it, or its original before it."""
    if sha256 is None:
        return 0
    async with database.begin(task.tenant_id) as work:
        held = await videos(work).hold(sha256)
    if held:
        return 0
    await blobs.delete(original_key(task.tenant_id, sha256))
    return 1


async def delete_upload(blobs: Blobs, upload_key: str) -> None:
    """Delete an upload; with its folder, if it has one of its own."""
    await blobs.delete(upload_key)
    folder, _, _ = upload_key.rpartition("/")
    if _FOLDER.fullmatch(folder):
        await blobs.delete_prefix(f"{folder}/")
