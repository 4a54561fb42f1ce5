"""What wakes us."""

from chassis.bus import Bus
from chassis.database import UnitOfWork
from chassis.erasing import forget_tenant
from contracts.event import Event
from contracts.gateway import JobCancelled, JobRequested, TenantErased, VideoErased
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, TranscriptsErased
from contracts.steps import Step
from transcribe.usecases import CancelJob, ForgetIntermediates, ForgetTranscripts, ForgetVideo, JoinVideoAndJob

__all__ = ["register"]


def register(
    bus: Bus,
    join: JoinVideoAndJob,
    cancel: CancelJob,
    forget: ForgetVideo,
    *,
    forget_transcripts: ForgetTranscripts,
    forget_intermediates: ForgetIntermediates,
) -> None:
    """Subscribe to every fact this service acts on."""

    @bus.on(VideoIngested)
    async def on_video_ingested(event: Event[VideoIngested], work: UnitOfWork) -> None:
        await join.video_came(event, work)

    @bus.on(JobRequested)
    async def on_job_requested(event: Event[JobRequested], work: UnitOfWork) -> None:
        await join.job_came(event, work)

    @bus.on(JobCancelled)
    async def on_job_cancelled(event: Event[JobCancelled], work: UnitOfWork) -> None:
        await cancel(event, work)

    @bus.on(VideoErased)
    async def on_video_erased(event: Event[VideoErased], work: UnitOfWork) -> None:
        await forget(event, work)

    @bus.on(TenantErased, always=True)
    async def on_tenant_erased(event: Event[TenantErased], work: UnitOfWork) -> None:
        await forget_tenant(work, step=Step.TRANSCRIPT, erasure_id=event.data.erasure_id)

    bus.on(TranscriptsErased)(forget_transcripts)
    bus.on(IntermediatesErased)(forget_intermediates)
