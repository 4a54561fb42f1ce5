"""Waiting until all a job's alignment builds on is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from align.ports import Records
from align.usecases.losing import announce_lost
from chassis.database import UnitOfWork
from contracts.event import Event
from contracts.gateway import JobRequested, ScriptSubmitted
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = ["Join"]

RecordsIn = Callable[[UnitOfWork], Records]


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
        await records.hold(script_id=request.script_id)
        if await records.is_script_erased(request.script_id):
            if Step.ALIGNMENT in request.steps:
                await announce_lost(work, job_id, request)
            return
        if await records.add_request(job_id, request, asked_at=event.time):
            await self._begin(job_id, work)
            await self._unless_erased(job_id, request.video_id, work)

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
        await self._unless_erased(event.jobid, event.data.video_id, work)

    async def step_failed(self, event: Event[StepFailed], work: UnitOfWork) -> None:
        """A step of a job gave up: go without scenes, give up without a transcript."""
        fact = event.data
        if event.jobid is None or fact.step not in (Step.SCENES, Step.TRANSCRIPT):
            return
        records = self.records(work)
        await records.hold(job_id=event.jobid)
        await records.add_failure(event.jobid, fact.video_id, fact.step, fact.run)
        await self._begin(event.jobid, work)
        await self._unless_erased(event.jobid, fact.video_id, work)

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video's measures: its frame rate is that of the timeline."""
        await work.hold(event.data.video_id)
        await self.records(work).add_video(event.data)

    async def _unless_erased(self, job_id: UUID, video_id: UUID, work: UnitOfWork) -> None:
        """Forget again what has just been learnt of a video that was erased meanwhile. The last thing done."""
        await work.hold(video_id)
        if await self.records(work).is_erased(video_id):
            await self.records(work).erase_video(video_id, job_ids=[job_id])

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
