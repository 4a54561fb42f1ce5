"""What is said when a step gives up."""

from contextlib import suppress
from uuid import UUID

from chassis.database import UnitOfWork
from chassis.work import Failure, Task
from contracts.steps import Step, StepFailed
from contracts.upscale import UpscaleFailed

__all__ = ["announce_failure"]


async def announce_failure(task: Task, failure: Failure, work: UnitOfWork) -> None:
    """Say why the step failed, and stop its other chunks: without this one they are in vain.

    Finished chunks stay for a retried run of the job.
    """
    video_id, run, detail = UUID(task.subject), task.payload["run"], failure.detail[:2000]
    if task.job_id is not None:
        await work.cancel_tasks(job_id=task.job_id)
    failed = UpscaleFailed(
        video_id=video_id, run=run, reason=failure.reason, detail=detail, failed_chunks=_chunks_in(task)
    )
    await work.announce(failed, subject=video_id, job_id=task.job_id)
    step = StepFailed(
        video_id=video_id,
        step=Step.UPSCALE,
        run=run,
        reason=failure.reason,
        detail=detail,
        attempts=failure.attempts,
    )
    await work.announce(step, subject=video_id, job_id=task.job_id)


def _chunks_in(task: Task) -> tuple[int, ...]:
    with suppress(KeyError):
        return (int(task.payload["index"]),)
    return ()
