"""What we do: match videos with the jobs that want them heard, hear them, and forget what must be forgotten."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.erasing import queue_forgetting
from chassis.work import LeaseLost, Task
from contracts.documents import Transcript
from contracts.event import Event
from contracts.gateway import JobCancelled, JobRequested, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step
from contracts.transcribe import TranscriptReady
from transcribe.domain.heard import Hearing
from transcribe.domain.languages import model_for
from transcribe.domain.transcripts import silent, transcript_of
from transcribe.ports import Ears, Listen, Records

__all__ = ["CancelJob", "EraseTranscripts", "ForgetVideo", "JoinVideoAndJob", "TranscribeVideo"]

RecordsIn = Callable[[UnitOfWork], Records]


@dataclass(frozen=True)
class JoinVideoAndJob:
    """Queue one task per run of a job, once both the video and the request for its transcript are here."""

    records: RecordsIn

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video is ready: serve whoever waited for it."""
        records = self.records(work)
        await work.hold(event.data.video_id)
        await records.add_video(event.data)
        video = await records.video(event.data.video_id)
        if video is None:
            return
        for job_id, request in await records.requests(video.video_id):
            await _queue(work, job_id, request, video)

    async def job_came(self, event: Event[JobRequested], work: UnitOfWork) -> None:
        """A job asks for something: if for words, and the video is here, begin."""
        request, job_id = event.data, event.jobid
        if Step.TRANSCRIPT not in request.steps or job_id is None:
            return
        records = self.records(work)
        await work.hold(request.video_id)
        if not await records.add_request(job_id, request, asked_at=event.time):
            return
        video = await records.video(request.video_id)
        if video is not None:
            await _queue(work, job_id, request, video)


async def _queue(work: UnitOfWork, job_id: UUID, request: JobRequested, video: VideoIngested) -> None:
    await work.enqueue(
        step=Step.TRANSCRIPT,
        kind="transcribe",
        key=f"{job_id}/{Step.TRANSCRIPT}/{request.run}",
        subject=video.video_id,
        job_id=job_id,
        priority=request.priority,
        payload={
            "run": request.run,
            "audio_key": video.audio_key,
            "duration_s": video.duration_s,
            "language": request.options.language,
            "quality": request.options.recognizer,
        },
    )


@dataclass(frozen=True)
class TranscribeVideo:
    """Hear a video, write ``transcript.json``, and say that it is ready."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    listen: Listen
    ears: Ears
    models: dict[str, str]
    """Name of the model by quality, ``fast`` and ``accurate``."""
    pause_s: float
    longest_segment_s: float

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless the document is stored."""
        try:
            await self._transcribe(task)
        except (LeaseLost, asyncio.CancelledError):
            # What was erased or called off may have been deleted just before ours was written.
            await self._tidy_if_unwanted(task)
            raise

    async def _transcribe(self, task: Task) -> None:
        began = time.monotonic()
        transcript, model_sha256 = await self._hear(task)
        key = _folder(task.tenant_id, _job_of(task), task.payload["run"]) + "transcript.json"
        await self.blobs.put_bytes(key, transcript.model_dump_json().encode())
        fact = TranscriptReady(
            video_id=UUID(task.subject),
            run=task.payload["run"],
            key=key,
            audio_key=task.payload["audio_key"],
            language=transcript.language,
            words=len(transcript.words),
            engine=transcript.engine,
            model_sha256=model_sha256,
            seconds=round(time.monotonic() - began, 3),
        )
        async with task.finish() as work:
            await self.records(work).add_transcript(_job_of(task), fact)
            await work.announce(fact, subject=fact.video_id, job_id=task.job_id)

    async def _hear(self, task: Task) -> tuple[Transcript, str]:
        """The transcript, and the digest of the model that heard it (empty when there was nothing to hear)."""
        audio_key, language = task.payload["audio_key"], task.payload["language"]
        if audio_key is None:
            return silent(task.payload["duration_s"]), ""
        model = model_for(quality=task.payload["quality"], language=language, models=self.models)
        async with self.blobs.local(audio_key) as audio:
            hearing: Hearing = await task.run(self.listen, self.ears, model, audio, language)
        transcript = transcript_of(
            hearing.heard, pause_s=self.pause_s, longest_segment_s=self.longest_segment_s, engine=hearing.engine
        )
        return transcript, hearing.model_sha256

    async def _tidy_if_unwanted(self, task: Task) -> None:
        async with self.database.begin(task.tenant_id) as work:
            erased = await self.records(work).is_erased(UUID(task.subject))
        if erased or await task.is_cancelled():
            await self.blobs.delete_prefix(_folder(task.tenant_id, _job_of(task), task.payload["run"]))


@dataclass(frozen=True)
class CancelJob:
    """Stop hearing for a job that nobody waits for any more."""

    records: RecordsIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop what it asked for, its tasks, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        await work.hold(event.data.video_id)
        if await self.records(work).is_erased(event.data.video_id):
            return
        await self.records(work).cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        folders = [_folder(event.tenantid, event.jobid, payload["run"]) for payload in stopped]
        if folders:
            await _queue_erasure(work, event.data.video_id, f"cancelled/{event.jobid}/{event.id}", folders)


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its transcripts."""
        records, video_id = self.records(work), event.data.video_id
        await work.hold(video_id)
        asked = {(job_id, request.run) for job_id, request in await records.requests(video_id)}
        made = set(await records.transcribed(video_id))  # also for jobs that were cancelled afterwards
        folders = [_folder(event.tenantid, job_id, run) for job_id, run in sorted(asked | made)]
        await work.cancel_tasks(subject=video_id)
        rows = await records.erase_video(video_id, job_ids=[*event.data.job_ids, *(job_id for job_id, _ in asked)])
        erasure_id = event.data.erasure_id
        await queue_forgetting(
            work, step=Step.TRANSCRIPT, about=video_id, erasure_id=erasure_id, rows=rows, folders=folders
        )


@dataclass(frozen=True)
class EraseTranscripts:
    """Delete the transcripts of a cancelled job."""

    blobs: Blobs

    async def __call__(self, task: Task) -> None:
        """Delete what is there; what is gone already is fine."""
        for folder in task.payload["folders"]:
            await self.blobs.delete_prefix(folder)
        async with task.finish():
            pass


async def _queue_erasure(work: UnitOfWork, video_id: UUID, key: str, folders: Sequence[str]) -> None:
    """It belongs to no job, so that no cancelled job stops it."""
    await work.enqueue(
        step=Step.TRANSCRIPT,
        kind="erase",
        key=f"erase/{key}",
        subject=video_id,
        payload={"run": 1, "folders": list(folders)},
    )


def _folder(tenant_id: UUID, job_id: UUID, run: int) -> str:
    return f"derived/{tenant_id}/{job_id}/{Step.TRANSCRIPT}-{run}/"


def _job_of(task: Task) -> UUID:
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for transcripts")
    return task.job_id
