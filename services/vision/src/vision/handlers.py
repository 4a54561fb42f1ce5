"""What wakes us."""

from chassis.bus import Bus
from chassis.database import UnitOfWork
from chassis.erasing import forget_tenant
from contracts.event import Event
from contracts.gateway import JobCancelled, JobRequested, TenantErased, VideoErased
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, ResultsErased
from contracts.steps import Step
from vision.usecases import CancelJob, ForgetIntermediates, ForgetResults, ForgetVideo, JoinVideoAndJob

__all__ = ["register"]


def register(
    bus: Bus,
    join: JoinVideoAndJob,
    cancel: CancelJob,
    *,
    forget: ForgetVideo,
    forget_results: ForgetResults,
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

    @bus.on(ResultsErased)
    async def on_results_erased(event: Event[ResultsErased], work: UnitOfWork) -> None:
        await forget_results(event, work)

    @bus.on(IntermediatesErased)
    async def on_intermediates_erased(event: Event[IntermediatesErased], work: UnitOfWork) -> None:
        await forget_intermediates(event, work)

    @bus.on(TenantErased, always=True)
    async def on_tenant_erased(event: Event[TenantErased], work: UnitOfWork) -> None:
        await forget_tenant(work, step=Step.SCENES, erasure_id=event.data.erasure_id)
