"""What we do: wait until all a job's alignment builds on is there, align, and forget what must be forgotten."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from align.ports import Aligned, AlignFilm, FilmOrder, Records, Tools
from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import LeaseLost, Task
from contracts.align import AlignmentReady
from contracts.event import Event
from contracts.gateway import JobCancelled, JobRequested, ScriptSubmitted, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = ["AlignScript", "CancelJob", "EraseAlignments", "ForgetVideo", "Join", "UnknownScript"]

RecordsIn = Callable[[UnitOfWork], Records]
_CONTENT = "ledger.json"


class UnknownScript(LookupError):
    """The script of a queued alignment is not known any more."""

    reason = "unknown_script"


@dataclass(frozen=True)
class Join:
    """Begin a run of an alignment once its script, its transcript and, if the job has them, its scenes are there.

    Results of any run of the job count: a retried job redoes its failed steps alone. Scenes that failed are done
    without; a transcript that failed is the end of it.
    """

    records: RecordsIn

    async def job_came(self, event: Event[JobRequested], work: UnitOfWork) -> None:
        """A job, or a run of one: remember it whole, for its other steps say what to wait for."""
        request, job_id = event.data, event.jobid
        if job_id is None or request.script_id is None:
            return
        records = self.records(work)
        await records.hold(job_id=job_id)
        if await records.add_request(job_id, request, asked_at=event.time):
            await self._begin(job_id, work)

    async def script_came(self, event: Event[ScriptSubmitted], work: UnitOfWork) -> None:
        """A script: serve whoever waited for it."""
        records = self.records(work)
        await records.hold(script_id=event.data.script_id)
        await records.add_script(event.data)
        for job_id in await records.jobs_of_script(event.data.script_id):
            await self._begin(job_id, work)

    async def step_came(self, event: Event[TranscriptReady] | Event[ScenesDetected], work: UnitOfWork) -> None:
        """A transcript or scenes of a job."""
        if event.jobid is None:
            return
        records = self.records(work)
        await records.hold(job_id=event.jobid)
        await records.add_outcome(event.jobid, event.data)
        await self._begin(event.jobid, work)

    async def step_failed(self, event: Event[StepFailed], work: UnitOfWork) -> None:
        """A step of a job gave up: go without scenes, give up without a transcript."""
        fact = event.data
        if event.jobid is None or fact.step not in (Step.SCENES, Step.TRANSCRIPT):
            return
        records = self.records(work)
        await records.hold(job_id=event.jobid)
        await records.add_failure(event.jobid, fact.video_id, fact.step, fact.run)
        await self._begin(event.jobid, work)

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video's measures: its frame rate is that of the timeline."""
        await self.records(work).add_video(event.data)

    async def _begin(self, job_id: UUID, work: UnitOfWork) -> None:
        records = self.records(work)
        waiting = await records.waiting(job_id)
        if not waiting:
            return
        runs = await records.requests(job_id)
        for request in waiting:
            await self._begin_run(job_id, request, runs, work)

    async def _begin_run(
        self, job_id: UUID, request: JobRequested, runs: Sequence[JobRequested], work: UnitOfWork
    ) -> None:
        records = self.records(work)
        if request.script_id is None:
            return
        await records.hold(script_id=request.script_id)
        transcript = await records.transcript(job_id)
        if transcript is None:
            if await records.failed(job_id, Step.TRANSCRIPT, _newest_run(Step.TRANSCRIPT, runs)):
                await self._give_up(job_id, request, work)
            return
        scenes = await records.scenes(job_id)
        wanted = _newest_run(Step.SCENES, runs)
        scenes_due = scenes is None and wanted > 0 and not await records.failed(job_id, Step.SCENES, wanted)
        if scenes_due or await records.script(request.script_id) is None:
            return
        # Last of all holds, and with nothing held after it: an erasure comes before this or after it, never in between.
        await work.hold(request.video_id)
        if await records.is_erased(request.video_id):
            return
        await records.settle(job_id, request.run)
        await work.enqueue(
            step=Step.ALIGNMENT,
            kind="align",
            key=f"{job_id}/{Step.ALIGNMENT}/{request.run}",
            subject=request.video_id,
            job_id=job_id,
            priority=request.priority,
            payload={
                "run": request.run,
                "script_id": str(request.script_id),
                "transcript_key": transcript.key,
                "audio_key": transcript.audio_key,
                "scenes_key": scenes.key if scenes else None,
            },
        )

    async def _give_up(self, job_id: UUID, request: JobRequested, work: UnitOfWork) -> None:
        await self.records(work).settle(job_id, request.run)
        fact = StepFailed(
            video_id=request.video_id,
            step=Step.ALIGNMENT,
            run=request.run,
            reason="transcript_failed",
            detail="There is no transcript to align the script with. See why the transcript failed, and retry the job.",
            attempts=0,
        )
        await work.announce(fact, subject=request.video_id, job_id=job_id)


def _newest_run(step: Step, runs: Sequence[JobRequested]) -> int:
    """The last run that has the step; 0 when none has it."""
    return max((request.run for request in runs if step in request.steps), default=0)


@dataclass(frozen=True)
class AlignScript:
    """Align a film with its script, store the ledger and its exports, and say so."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    align: AlignFilm
    tools: Tools

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless the documents are stored."""
        try:
            await self._align(task)
        except (LeaseLost, asyncio.CancelledError):
            # What was erased or called off may have been deleted just before ours was written.
            await self._tidy_if_unwanted(task)
            raise

    async def _align(self, task: Task) -> None:
        began = time.monotonic()
        aligned = await self._run(task)
        folder = _folder(task.tenant_id, _job_of(task), task.payload["run"])
        await self.blobs.put_bytes(folder + _CONTENT, aligned.ledger.model_dump_json().encode())
        for name, content in aligned.exports.values():
            await self.blobs.put_bytes(folder + name, content)
        fact = AlignmentReady(
            video_id=UUID(task.subject),
            script_id=UUID(task.payload["script_id"]),
            run=task.payload["run"],
            key=folder + _CONTENT,
            exports={kind: folder + name for kind, (name, _) in aligned.exports.items()},
            script_matches=aligned.ledger.script_matches,
            coverage=aligned.ledger.coverage,
            lines=sum(line.number > 0 for line in aligned.ledger.lines),
            engine=aligned.ledger.engine,
            model_sha256=aligned.model_sha256,
            seconds=round(time.monotonic() - began, 3),
        )
        async with task.finish() as work:
            await self.records(work).add_alignment(_job_of(task), fact, aligned.ledger)
            await work.announce(fact, subject=fact.video_id, job_id=task.job_id)

    async def _run(self, task: Task) -> Aligned:
        payload = task.payload
        async with self.database.begin(task.tenant_id) as work:
            script = await self.records(work).script(UUID(payload["script_id"]))
            video = await self.records(work).video(UUID(task.subject))
        if script is None:
            raise UnknownScript(f"script {payload['script_id']} is not known. Submit it again, and retry the job.")
        order = FilmOrder(
            script=await self.blobs.get_bytes(script.key),
            script_format=script.format,
            title=script.filename,
            transcript=await self.blobs.get_bytes(payload["transcript_key"]),
            scenes=await self.blobs.get_bytes(payload["scenes_key"]) if payload["scenes_key"] else None,
            audio=None,
            frame_rate=video.frame_rate if video else None,
            tools=self.tools,
        )
        if payload["audio_key"] is None:
            return await task.run(self.align, order)
        async with self.blobs.local(payload["audio_key"]) as audio:
            return await task.run(self.align, order.with_audio(audio))

    async def _tidy_if_unwanted(self, task: Task) -> None:
        async with self.database.begin(task.tenant_id) as work:
            erased = await self.records(work).is_erased(UUID(task.subject))
        if erased or await task.is_cancelled():
            await self.blobs.delete_prefix(_folder(task.tenant_id, _job_of(task), task.payload["run"]))


@dataclass(frozen=True)
class CancelJob:
    """Stop aligning for a job that nobody waits for any more."""

    records: RecordsIn

    async def __call__(self, event: Event[JobCancelled], work: UnitOfWork) -> None:
        """Drop what it asked for, its tasks, and what a task may have stored before its worker died."""
        if event.jobid is None:
            return
        records = self.records(work)
        await records.hold(job_id=event.jobid)
        await records.cancel_job(event.jobid, at=event.time)
        stopped = await work.cancel_tasks(job_id=event.jobid)
        folders = [_folder(event.tenantid, event.jobid, payload["run"]) for payload in stopped]
        if folders:
            await _queue_erasure(work, event.data.video_id, f"cancelled/{event.jobid}/{event.id}", folders)


@dataclass(frozen=True)
class ForgetVideo:
    """Leave no trace of a video: the rows go now, the blobs by a task, for deleting them may need another try."""

    records: RecordsIn

    async def __call__(self, event: Event[VideoErased], work: UnitOfWork) -> None:
        """Stop its tasks, erase its rows, queue the deletion of its ledgers."""
        records, video_id = self.records(work), event.data.video_id
        await work.hold(video_id)
        runs = await records.jobs_of_video(video_id)
        await work.cancel_tasks(subject=video_id)
        await records.erase_video(video_id)
        if runs:
            folders = [_folder(event.tenantid, job_id, run) for job_id, run in runs]
            await _queue_erasure(work, video_id, str(video_id), folders)


@dataclass(frozen=True)
class EraseAlignments:
    """Delete the ledgers of an erased video."""

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
        step=Step.ALIGNMENT,
        kind="erase",
        key=f"erase/{key}",
        subject=video_id,
        payload={"run": 1, "folders": list(folders)},
    )


def _folder(tenant_id: UUID, job_id: UUID, run: int) -> str:
    return f"derived/{tenant_id}/{job_id}/{Step.ALIGNMENT}-{run}/"


def _job_of(task: Task) -> UUID:
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for alignments")
    return task.job_id
