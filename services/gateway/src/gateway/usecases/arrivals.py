"""The bytes of an upload are here, or never will be: what that means for the upload, its video and its jobs."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.database import UnitOfWork
from contracts.gateway import VideoSubmitted
from contracts.steps import Step
from gateway.domain.library import Rejection, Video
from gateway.domain.notices import job_notices, video_notices
from gateway.domain.progress import Failed, fold
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.duplicates import as_rejection, twin_of
from gateway.usecases.notify import Notify

__all__ = ["Arrivals", "submitted"]


class Arrivals:
    """Says so, in the transaction of whoever found out. Videos are locked before uploads: the order of erasures."""

    def __init__(self, records_on: RecordsOn, changes: Changes, notify: Notify) -> None:
        self._records_on = records_on
        self._changes = changes
        self._notify = notify

    async def arrived(self, work: UnitOfWork, upload_id: UUID, *, key: str, size_bytes: int, sha256: str) -> bool:
        """All bytes are here, checked, under this key; False if nobody wants them any more."""
        records = self._records_on(work.connection)
        await records.videos.of_upload(upload_id)
        if not await records.uploads.arrive(upload_id, key=key, size_bytes=size_bytes, sha256=sha256):
            return False
        video = await records.videos.of_upload(upload_id)
        if video is not None and video.state == "importing":
            twin = await twin_of(work, records, sha256, on_duplicate=video.on_duplicate)
            if twin is not None and video.on_duplicate != "keep":
                await self._reject(work, records, replace(video, duplicate_of=twin.id), as_rejection(twin))
                await records.uploads.erase(upload_id)
                return False
            here = replace(video, state="ingesting", sha256=sha256, size_bytes=size_bytes, keys={"upload": key})
            here = replace(here, duplicate_of=twin.id if twin else None)
            await records.videos.save(here)
            await work.announce(submitted(here), subject=here.id)
        return True

    async def failed(self, work: UnitOfWork, upload_id: UUID, failure: Rejection) -> None:
        """They will not come: whoever waits for them is told why."""
        records = self._records_on(work.connection)
        await records.videos.of_upload(upload_id)
        await records.uploads.fail(upload_id, failure)
        video = await records.videos.of_upload(upload_id)
        if video is None or video.state != "importing":
            return
        await self._reject(work, records, video, failure)

    async def _reject(self, work: UnitOfWork, records: Records, video: Video, failure: Rejection) -> None:
        rejected = replace(video, state="rejected", rejection=failure)
        await records.videos.save(rejected)
        await self._notify(work, video_notices(video, rejected))
        await self._fail_jobs(work, records, video.id, failure)

    async def _fail_jobs(self, work: UnitOfWork, records: Records, video_id: UUID, failure: Rejection) -> None:
        news = Failed(Step.INGEST, None, failure.reason, failure.detail)
        for job in await records.jobs.of_video(video_id):
            moved = job.with_steps(fold(job.steps, news), now=datetime.now(UTC))
            if moved != job:
                await records.jobs.save(moved)
                self._changes.note(work, job.id)
                await self._notify(work, job_notices(job, moved))


def submitted(video: Video) -> VideoSubmitted:
    """The fact that the bytes of a video are here whole."""
    return VideoSubmitted(
        video_id=video.id,
        upload_key=video.keys["upload"],
        filename=video.filename,
        size_bytes=video.size_bytes,
        sha256=video.sha256,
    )
