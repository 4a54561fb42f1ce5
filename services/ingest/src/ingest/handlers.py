"""What wakes us."""

from chassis.bus import Bus
from chassis.database import UnitOfWork
from chassis.erasing import forget_tenant
from contracts.event import Event
from contracts.gateway import OriginalErased, TenantErased, VideoErased, VideoSubmitted
from contracts.retention import CopiesErased
from contracts.steps import Step
from ingest.usecases import ForgetCopies, ForgetOriginal, ForgetVideo, QueueVideo

__all__ = ["register"]


def register(
    bus: Bus,
    queue: QueueVideo,
    forget: ForgetVideo,
    forget_original: ForgetOriginal,
    forget_copies: ForgetCopies,
) -> None:
    """Subscribe to every fact this service acts on."""

    @bus.on(VideoSubmitted)
    async def on_video_submitted(event: Event[VideoSubmitted], work: UnitOfWork) -> None:
        await queue(event, work)

    @bus.on(VideoErased)
    async def on_video_erased(event: Event[VideoErased], work: UnitOfWork) -> None:
        await forget(event, work)

    @bus.on(OriginalErased)
    async def on_original_erased(event: Event[OriginalErased], work: UnitOfWork) -> None:
        await forget_original(event, work)

    @bus.on(CopiesErased)
    async def on_copies_erased(event: Event[CopiesErased], work: UnitOfWork) -> None:
        await forget_copies(event, work)

    @bus.on(TenantErased, always=True)
    async def on_tenant_erased(event: Event[TenantErased], work: UnitOfWork) -> None:
        await forget_tenant(work, step=Step.INGEST, erasure_id=event.data.erasure_id)
