"""What wakes us."""

from chassis.bus import Bus
from chassis.database import UnitOfWork
from chassis.erasing import forget_tenant
from contracts.align import AlignmentReady
from contracts.event import Event
from contracts.gateway import JobCancelled, JobRequested, TenantErased, VideoErased
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, RenditionsErased
from contracts.runners import BudgetChanged, RunnerInvited, RunnerReleased, RunnerRevoked, RunnerRotated, RunnerSteered
from contracts.steps import Step, StepFailed
from contracts.upscale import ChunkReady
from contracts.vision import ScenesDetected
from upscale.usecases import (
    CancelJob,
    ForgetIntermediates,
    ForgetRenditions,
    ForgetVideo,
    HearOperators,
    JoinChunks,
    JoinVideoAndJob,
)

__all__ = ["register"]


def register(
    bus: Bus,
    join: JoinVideoAndJob,
    join_chunks: JoinChunks,
    cancel: CancelJob,
    forget: ForgetVideo,
    operators: HearOperators,
    *,
    forget_renditions: ForgetRenditions,
    forget_intermediates: ForgetIntermediates,
) -> None:
    """Subscribe to every fact this service acts on."""

    @bus.on(VideoIngested)
    async def on_video_ingested(event: Event[VideoIngested], work: UnitOfWork) -> None:
        await join.video_came(event, work)

    @bus.on(JobRequested)
    async def on_job_requested(event: Event[JobRequested], work: UnitOfWork) -> None:
        await join.job_came(event, work)

    @bus.on(ScenesDetected)
    async def on_scenes_detected(event: Event[ScenesDetected], work: UnitOfWork) -> None:
        await join.step_came(event, work)

    @bus.on(AlignmentReady)
    async def on_alignment_ready(event: Event[AlignmentReady], work: UnitOfWork) -> None:
        await join.step_came(event, work)

    @bus.on(StepFailed)
    async def on_step_failed(event: Event[StepFailed], work: UnitOfWork) -> None:
        await join.step_failed(event, work)

    @bus.on(ChunkReady)
    async def on_chunk_ready(event: Event[ChunkReady], work: UnitOfWork) -> None:
        await join_chunks(event, work)

    @bus.on(JobCancelled)
    async def on_job_cancelled(event: Event[JobCancelled], work: UnitOfWork) -> None:
        await cancel(event, work)

    @bus.on(VideoErased)
    async def on_video_erased(event: Event[VideoErased], work: UnitOfWork) -> None:
        await forget(event, work)

    @bus.on(TenantErased, always=True)
    async def on_tenant_erased(event: Event[TenantErased], work: UnitOfWork) -> None:
        await operators.forget(work)
        await forget_tenant(work, step=Step.UPSCALE, erasure_id=event.data.erasure_id)

    bus.on(RenditionsErased)(forget_renditions)
    bus.on(IntermediatesErased)(forget_intermediates)
    _hear_operators(bus, operators)


def _hear_operators(bus: Bus, operators: HearOperators) -> None:
    """What people decide about runners, and about money."""
    bus.on(RunnerInvited)(operators.invited)
    bus.on(RunnerRevoked)(operators.revoked)
    bus.on(RunnerReleased)(operators.released)
    bus.on(RunnerRotated)(operators.rotated)
    bus.on(RunnerSteered)(operators.steered)
    bus.on(BudgetChanged)(operators.budget)
