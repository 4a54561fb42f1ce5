"""Leaving no trace: rows go with the fact that asks for it, everything else by a task, which says when it is done."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.work import Task
from contracts import uuid7
from contracts.event import Fact
from contracts.traces import TracesErased

__all__ = ["FORGET", "Eraser", "forget_tenant", "queue_forgetting"]

FORGET = "forget"
"""The kind of task that ``queue_forgetting`` queues and an ``Eraser`` does."""


async def queue_forgetting(
    work: UnitOfWork,
    *,
    step: str,
    about: UUID,
    erasure_id: UUID | None,
    rows: Mapping[str, int],
    folders: Sequence[str] = (),
    **more: object,
) -> None:
    """Queue the deletion of these folders of blobs and of what the plumbing holds of ``about``.

    It belongs to no job, so that no cancelled job stops it. Asked for twice it is done twice: the second one finds
    little, and answers all the same.
    """
    asked = None if erasure_id is None else str(erasure_id)
    payload = {"run": 1, "erasure_id": asked, "rows": dict(rows), "folders": list(folders), **more}
    await work.enqueue(step=step, kind=FORGET, key=f"{FORGET}/{uuid7()}", subject=about, payload=payload)


async def forget_tenant(work: UnitOfWork, *, step: str, erasure_id: UUID) -> None:
    """Stop all work for the tenant, delete every row of its, hear no fact of it any more, and queue the rest."""
    await work.cancel_tasks(all_of_them=True)
    rows = await work.empty_tables()
    await work.close_inbox()
    folders = [f"{kind}/{work.tenant_id}/" for kind in ("original", "derived", "scratch")]
    await queue_forgetting(work, step=step, about=work.tenant_id, erasure_id=erasure_id, rows=rows, folders=folders)


class Eraser:
    """Does what ``queue_forgetting`` queued."""

    def __init__(self, database: Database, blobs: Blobs, bus: Bus, *, announced: Iterable[type[Fact]]) -> None:
        self._database = database
        self._blobs = blobs
        self._bus = bus
        self._announced = [fact.stream for fact in announced if fact is not TracesErased]

    async def __call__(self, task: Task) -> None:
        """Delete what is there; what is gone already is fine."""
        await self.conclude(task, await self.delete(task, task.payload["folders"]))

    async def delete(self, task: Task, places: Sequence[str]) -> dict[str, int]:
        """Delete blobs: single ones by their keys, and folders, which end in a slash; returns how many of what.

        They are counted before the first one goes, and the task keeps the numbers: who does it again after we died
        finds fewer, and tells of all.
        """
        if "found" not in task.payload:
            await task.note(found=await self._count(places))
        found: dict[str, int] = task.payload["found"]
        deleted: dict[str, int] = {}
        for place in places:
            name = _plain(place)
            deleted[name] = deleted.get(name, 0) + await self._remove(place)
        return {name: max(count, found.get(name, 0)) for name, count in deleted.items()}

    async def _count(self, places: Sequence[str]) -> dict[str, int]:
        found = Counter[str]()
        for place in places:
            if not place.endswith("/"):
                found[_plain(place)] += await self._is_there(place)
                continue
            for keys in (self._blobs.list(place), self._blobs.list_growing(place)):
                found[_plain(place)] += sum([1 async for _ in keys])
        return dict(found)

    async def _remove(self, place: str) -> int:
        if place.endswith("/"):
            return await self._blobs.delete_prefix(place)
        there = await self._is_there(place)
        await self._blobs.delete(place)
        return int(there)

    async def _is_there(self, key: str) -> bool:
        try:
            await self._blobs.stat(key)
        except BlobNotFound:
            return False
        return True

    async def conclude(self, task: Task, blobs: Mapping[str, int]) -> None:
        """Clear the plumbing, and say that nothing is left.

        First what would be sent again, then what was sent: else the one would bring back the other.
        """
        about = UUID(task.subject)
        rows: dict[str, int] = dict(task.payload["rows"])
        async with self._database.begin(task.tenant_id) as work:
            rows["outbox"] = await work.unsay(about)
        rows["redis"] = await self._bus.forget(about, announced=self._announced)
        async with task.finish() as work:
            rows["tasks"] = await work.forget_tasks(about) - 1  # this one is no trace of it, but of its end
            if task.payload["erasure_id"] is not None:
                fact = TracesErased(
                    erasure_id=UUID(task.payload["erasure_id"]),
                    rows={kind: count for kind, count in rows.items() if count > 0},
                    blobs={folder: count for folder, count in blobs.items() if count},
                )
                await work.announce(fact, subject=fact.erasure_id)


def _plain(folder: str) -> str:
    """A folder without ids and runs: ``derived/<tenant>/<job>/transcript-1/`` is ``derived/transcript``."""
    words = [part for part in folder.split("/") if part and not _is_id(part)]
    return "/".join(word.rpartition("-")[0] if word.rpartition("-")[2].isdecimal() else word for word in words)


def _is_id(part: str) -> bool:
    try:
        UUID(part)
    except ValueError:
        return False
    return True
