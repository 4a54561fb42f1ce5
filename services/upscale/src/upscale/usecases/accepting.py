"""Takes a verified chunk, whoever made it, and concludes a run once nothing of it is open any more."""

from collections.abc import Sequence

from chassis.database import UnitOfWork
from contracts.steps import Step, StepFailed
from contracts.upscale import ChunkReady, UpscaleFailed
from upscale.ports import ChunkRow, PlanRow, Records
from upscale.ports.runner_records import RunnerRecords
from upscale.ports.runners import Offer
from upscale.usecases.planning import queue_assembly

__all__ = ["accept", "conclude"]


async def accept(work: UnitOfWork, records: Records, machines: RunnerRecords, plan: PlanRow, chunk: ChunkRow) -> bool:
    """Record a chunk and say that it is ready; False if another machine was first, and then nothing changes."""
    if not await records.complete_chunk(plan.job_id, plan.manifest_sha256, chunk):
        return False
    offer = await machines.offer_of(plan.job_id, plan.run, chunk.index, lock=True)
    if offer is not None:
        await machines.set_offer(offer.chunk_id, "done")
    assert chunk.key is not None
    ready = ChunkReady(
        video_id=plan.video_id,
        run=plan.run,
        index=chunk.index,
        chunks=plan.chunks,
        key=chunk.key,
        frames=chunk.end - chunk.start,
        sha256=chunk.sha256,
    )
    await work.announce(ready, subject=plan.video_id, job_id=plan.job_id)
    return True


async def conclude(work: UnitOfWork, records: Records, machines: RunnerRecords, plan: PlanRow) -> None:
    """Queue the joining when every chunk is made; or say which seconds nobody could make, once the rest is."""
    await work.hold(f"conclude/{plan.job_id}")
    chunks = await records.chunks(plan.job_id, plan.manifest_sha256)
    if len(chunks) < plan.chunks:
        return
    missing = {chunk.index for chunk in chunks if not chunk.key}
    if not missing:
        await queue_assembly(work, plan)
        return
    failed = [offer for offer in await machines.offers(plan.job_id, plan.run) if offer.state == "failed"]
    if missing <= {offer.index for offer in failed}:
        await _give_up(work, plan, sorted(failed, key=lambda offer: offer.start_s))
        for offer in failed:
            await machines.set_offer(offer.chunk_id, "withdrawn")  # it is told; the next run offers it anew


async def _give_up(work: UnitOfWork, plan: PlanRow, failed: Sequence[Offer]) -> None:
    where = "; ".join(
        f"{offer.start_s:.3f} to {offer.end_s:.3f} s: {offer.reason}, on {len(offer.failed_on)} machines,"
        f" {offer.tries} tries{f' ({offer.detail})' if offer.detail else ''}"
        for offer in failed
    )
    detail = f"these seconds could not be made: {where}"[:2000]
    tries = max(1, *(offer.tries for offer in failed))
    fact = UpscaleFailed(
        video_id=plan.video_id,
        run=plan.run,
        reason="chunks_failed",
        detail=detail,
        failed_chunks=tuple(offer.index for offer in failed),
    )
    await work.announce(fact, subject=plan.video_id, job_id=plan.job_id)
    step = StepFailed(
        video_id=plan.video_id,
        step=Step.UPSCALE,
        run=plan.run,
        reason="chunks_failed",
        detail=detail,
        attempts=tries,
    )
    await work.announce(step, subject=plan.video_id, job_id=plan.job_id)
