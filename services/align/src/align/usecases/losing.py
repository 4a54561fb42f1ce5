"""What is said of an alignment that will never be, for its script was erased."""

from uuid import UUID

from chassis.database import UnitOfWork
from contracts.gateway import JobRequested
from contracts.steps import Step, StepFailed

__all__ = ["announce_lost"]


async def announce_lost(work: UnitOfWork, job_id: UUID, request: JobRequested) -> None:
    """Say that a run failed: other steps may wait for its ledger, and would for ever."""
    fact = StepFailed(
        video_id=request.video_id,
        step=Step.ALIGNMENT,
        run=request.run,
        reason="script_erased",
        detail="The script was erased.",
        attempts=0,
    )
    await work.announce(fact, subject=request.video_id, job_id=job_id)
