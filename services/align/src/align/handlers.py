"""What wakes us."""

from align.usecases import (
    CancelJob,
    ForgetResults,
    ForgetScript,
    ForgetTranscripts,
    ForgetVideo,
    HearCorrections,
    Join,
)
from chassis.bus import Bus
from chassis.database import UnitOfWork
from chassis.erasing import forget_tenant
from contracts.event import Event
from contracts.gateway import (
    AlignmentCorrected,
    JobCancelled,
    JobRequested,
    ScriptErased,
    ScriptSubmitted,
    TenantErased,
    VideoErased,
)
from contracts.ingest import VideoIngested
from contracts.retention import ResultsErased, TranscriptsErased
from contracts.steps import Step, StepFailed
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = ["register"]


def register(
    bus: Bus,
    join: Join,
    cancel: CancelJob,
    hear: HearCorrections,
    *,
    forget: ForgetVideo,
    forget_script: ForgetScript,
    forget_results: ForgetResults,
    forget_transcripts: ForgetTranscripts,
) -> None:
    """Subscribe to every fact this service acts on."""

    @bus.on(JobRequested)
    async def on_job_requested(event: Event[JobRequested], work: UnitOfWork) -> None:
        await join.job_came(event, work)

    @bus.on(ScriptSubmitted)
    async def on_script_submitted(event: Event[ScriptSubmitted], work: UnitOfWork) -> None:
        await join.script_came(event, work)

    @bus.on(TranscriptReady)
    async def on_transcript_ready(event: Event[TranscriptReady], work: UnitOfWork) -> None:
        await join.step_came(event, work)

    @bus.on(ScenesDetected)
    async def on_scenes_detected(event: Event[ScenesDetected], work: UnitOfWork) -> None:
        await join.step_came(event, work)

    @bus.on(StepFailed)
    async def on_step_failed(event: Event[StepFailed], work: UnitOfWork) -> None:
        await join.step_failed(event, work)

    @bus.on(VideoIngested)
    async def on_video_ingested(event: Event[VideoIngested], work: UnitOfWork) -> None:
        await join.video_came(event, work)

    @bus.on(JobCancelled)
    async def on_job_cancelled(event: Event[JobCancelled], work: UnitOfWork) -> None:
        await cancel(event, work)

    @bus.on(TenantErased, always=True)
    async def on_tenant_erased(event: Event[TenantErased], work: UnitOfWork) -> None:
        await forget_tenant(work, step=Step.ALIGNMENT, erasure_id=event.data.erasure_id)

    bus.on(VideoErased)(forget)
    bus.on(ScriptErased)(forget_script)
    bus.on(ResultsErased)(forget_results)
    bus.on(TranscriptsErased)(forget_transcripts)
    bus.on(AlignmentCorrected)(hear)
