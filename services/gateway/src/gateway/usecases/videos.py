"""Videos: handed in, looked at, erased."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.steps import Step
from gateway.domain.access import Caller
from gateway.domain.erasures import Reason
from gateway.domain.held import COPIES, ERASURE_OF, FOR_STEPS, Deletion, HeldKind, gone
from gateway.domain.library import Video, title_of
from gateway.domain.notices import job_notices, video_notices
from gateway.domain.progress import cancel
from gateway.domain.refusals import NotFound, NotReady, UploadConflict, VideoUnusable
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.admission import Admission
from gateway.usecases.arrivals import submitted
from gateway.usecases.duplicates import Wish, welcome
from gateway.usecases.erasures import announce_erasure, open_erasure
from gateway.usecases.indexing import forget
from gateway.usecases.notify import Notify
from gateway.usecases.uploads import upload_folder

__all__ = ["Videos", "require_usable", "tombstone"]

_LACKING: Mapping[HeldKind, str] = {"originals": "the original", "copies": "the sound"}
"""What steps lack once a class is deleted."""


class Videos:
    """What a tenant's people do with videos."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        records_on: RecordsOn,
        changes: Changes,
        notify: Notify,
        admission: Admission,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._records_on = records_on
        self._changes = changes
        self._notify = notify
        self._admission = admission

    async def submit(self, work: UnitOfWork, *, upload_id: UUID, wish: Wish) -> tuple[Video, bool]:
        """A video of an upload, and whether it was made of it, which is said; else another one takes its place.

        Raises NotFound, UploadConflict, DuplicateVideo, MinutesQuotaExceeded.
        """
        records = self._records_on(work.connection)
        upload = await records.uploads.get(upload_id)
        if upload is None:
            raise NotFound("there is no such upload", field="upload_id")
        if upload.failure is not None:
            raise UploadConflict(upload.failure.detail, field="upload_id")
        if upload.state == "waiting":
            raise UploadConflict("the bytes of this upload are not here yet; send them first", field="upload_id")
        if not await records.uploads.use(upload_id):
            raise UploadConflict("another video was made of this upload", field="upload_id")
        # Asked again, now that nobody else can change it: its bytes may have been found whole meanwhile.
        upload = await records.uploads.get(upload_id) or upload
        twin = None
        if upload.sha256 is not None:
            twin, suffices = await welcome(work, records, upload.sha256, wish)
            if twin is not None and suffices:
                await records.uploads.erase(upload_id)  # the sweep finds its bytes, which nobody knows of any more
                return twin, False
        video = Video(
            id=uuid7(),
            upload_id=upload.id,
            title=wish.title or title_of(upload.filename),
            filename=upload.filename,
            sha256=upload.sha256 or "",
            size_bytes=upload.size_bytes or 0,
            created_at=datetime.now(UTC),
            state="importing" if upload.key is None else "ingesting",
            passthrough=wish.passthrough,
            keys={} if upload.key is None else {"upload": upload.key},
            duplicate_of=twin.id if twin else None,
            on_duplicate=wish.on_duplicate,
        )
        await self._admission.video(work)
        await records.videos.add(video)
        if upload.key is not None:
            await work.announce(submitted(video), subject=video.id)
        return video, True

    async def get(self, caller: Caller, video_id: UUID) -> Video:
        """One video. Raises NotFound."""
        async with self._database.read(caller.tenant_id) as connection:
            video = await self._records_on(connection).videos.get(video_id)
        if video is None:
            raise NotFound("there is no such video")
        return video

    async def page(self, caller: Caller, *, before: UUID | None, limit: int) -> Sequence[Video]:
        """The newest videos, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).videos.page(before=before, limit=limit)

    async def blob(self, caller: Caller, video_id: UUID, name: str) -> tuple[Video, str]:
        """The video and the blob key of its original, media, proxy or poster. Raises NotFound, NotReady, Gone."""
        async with self._database.read(caller.tenant_id) as connection:
            records = self._records_on(connection)
            video = await records.videos.get(video_id)
            if video is None:
                raise NotFound("there is no such video")
            if name not in video.keys:
                await _require_held(records, video, name)
        if video.state != "ready" or name not in video.keys:
            raise NotReady(f"this video is {video.state}: it has no {name}")
        return video, video.keys[name]

    async def erase(self, caller: Caller, video_id: UUID) -> tuple[Video, UUID | None]:
        """Forget a video, call its jobs off and say so; every service then deletes what it holds. Repeatable.

        Returns what is left of it, and the erasure by which it can be watched.
        """
        async with self._database.begin(caller.tenant_id) as work:
            records = self._records_on(work.connection)
            video = await records.videos.get(video_id, lock=True)
            if video is None:
                raise NotFound("there is no such video")
            if video.state != "erased":
                await self.erase_in(work, video)
            erasure = await records.erasures.of(video_id)
            left = await records.videos.get(video_id)
        if video.upload_id is not None:
            await self._blobs.delete_prefix(upload_folder(caller.tenant_id, video.upload_id))
        return left or tombstone(video), erasure.id if erasure else None

    async def erase_in(self, work: UnitOfWork, video: Video, *, reason: Reason = "asked") -> None:
        """Forget a video that is not erased yet, within a transaction that has locked it."""
        records, now = self._records_on(work.connection), datetime.now(UTC)
        rows = {"webhook_deliveries": await records.deliveries.erase(video.id)}
        rows |= await records.findings.erase(video.id)
        jobs = await records.jobs.of_video(video.id)
        rows["events"] = await records.events.erase(video.id)  # behind the jobs: whoever logs of one holds it
        for job in jobs:
            stopped = replace(job.with_steps(cancel(job.steps), now=now), results={}, passthrough=None)
            await records.jobs.save(stopped)
            self._changes.note(work, job.id)
            await self._notify(work, job_notices(job, stopped))
        # Behind the jobs: whoever notes a transcript holds its job.
        rows["search_documents"] = await forget(records, video_id=video.id)
        await records.videos.save(tombstone(video))
        await self._notify(work, video_notices(video, tombstone(video)))
        places = []
        await work.cancel_tasks(subject=video.id)
        if video.upload_id is not None:
            await work.cancel_tasks(subject=video.upload_id)
            await records.uploads.erase(video.upload_id)
            places.append(upload_folder(work.tenant_id, video.upload_id))
            rows["uploads"] = 1
        # The first answer to who announced the upload names its file.
        about = [id_ for id_ in (video.id, video.upload_id) if id_ is not None]
        named = [await records.erasures.replies(id_) for id_ in about]
        rows["idempotency_keys"] = sum(counts["idempotency_keys"] for counts in named)
        rows["tasks"] = sum([await work.forget_tasks(id_) for id_ in about])
        job_ids = [job.id for job in jobs]
        erasure = await open_erasure(
            records, "video", video.id, reason=reason, rows=rows, places=places, job_ids=job_ids
        )
        await announce_erasure(work, erasure)


def tombstone(video: Video) -> Video:
    """What is left of an erased video: that there was one."""
    return replace(
        video,
        state="erased",
        upload_id=None,
        title="",
        filename="",
        sha256="",
        size_bytes=0,
        passthrough=None,
        keys={},
        media=None,
        rejection=None,
        duplicate_of=None,
        original_deleted_at=None,
        copies_deleted_at=None,
        intermediates_deleted_at=None,
    )


async def _require_held(records: Records, video: Video, name: str) -> None:
    """Raise Gone for a blob that was there and was deleted."""
    kind: HeldKind = "originals" if name == "original" else "copies"
    at = _deleted_at(video, kind)
    if at is None or (kind == "copies" and name not in COPIES):
        return
    erasure = (await records.held.last(video.id)).get(ERASURE_OF[kind])
    if erasure is not None:
        raise gone(f"the {name} of this video", kind, Deletion(at, erasure.reason, erasure.id))


def _deleted_at(video: Video, kind: HeldKind) -> datetime | None:
    return video.original_deleted_at if kind == "originals" else video.copies_deleted_at


def require_usable(video: Video, steps: Iterable[Step] = ()) -> None:
    """Raise VideoUnusable unless work may be asked for, and these steps of it."""
    if video.state == "rejected" and video.rejection is not None:
        detail = f"this video was rejected ({video.rejection.reason}): {video.rejection.detail}"
        raise VideoUnusable(detail, field="video_id")
    if video.state == "erased":
        raise VideoUnusable("this video was erased", field="video_id")
    wanted = set(steps)
    for kind, of_it in _LACKING.items():
        needing, at = sorted(wanted & FOR_STEPS[kind]), _deleted_at(video, kind)
        if needing and at is not None and (kind == "originals" or (video.media or {}).get("has_audio", True)):
            gone_since = f"{of_it} of this video was deleted on {at:%F}"
            raise VideoUnusable(f"{gone_since}, which {' and '.join(needing)} cannot be made without", field="video_id")
