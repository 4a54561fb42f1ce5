"""What work that nobody waits for any more has left: folders of blobs go by a task, for that may need another try."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from chassis.blobs import Blobs
from chassis.database import UnitOfWork
from chassis.work import Failure, Task

__all__ = ["DISCARD", "DiscardFolders", "keep_quiet", "queue_discarding"]

DISCARD = "erase"
"""The kind of task that ``queue_discarding`` queues and ``DiscardFolders`` does."""


async def queue_discarding(
    work: UnitOfWork,
    *,
    step: str,
    about: UUID,
    key: str,
    folders: Sequence[str],
    priority: Literal["normal", "bulk"] = "normal",
) -> None:
    """Queue the deletion of these folders, once a key. It belongs to no job, so that no cancelled job stops it."""
    await work.enqueue(
        step=step,
        kind=DISCARD,
        key=f"{DISCARD}/{key}",
        subject=about,
        priority=priority,
        payload={"run": 1, "folders": list(folders)},
    )


class DiscardFolders:
    """Does what ``queue_discarding`` queued, and tells nobody."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def __call__(self, task: Task) -> None:
        """Delete what is there; what is gone already is fine."""
        for folder in task.payload["folders"]:
            await self._blobs.delete_prefix(folder)
        async with task.finish():
            pass


async def keep_quiet(_task: Task, _failure: Failure, _work: UnitOfWork) -> None:
    """A task that failed and that no job waits for is in the dead letters: none is told."""
