"""Matching videos with the jobs that want them looked at, and looking once."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, LeaseLost, Task
from contracts.event import Event
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.vision import ScenesDetected, WatermarksDetected
from vision.domain.steps import DOCUMENTS, ours, share_of
from vision.ports import Eyes, Look, Order, Reference, Sight, Tell
from vision.usecases.forgetting import RecordsIn

__all__ = ["JoinVideoAndJob", "LookAtVideo", "announce_failures"]

Detector = Literal["accurate", "fast"]
_TOLD_EVERY_S = 1.0


@dataclass(frozen=True)
class JoinVideoAndJob:
    """Queue one task per run of a job, for all it wants of us, once both the video and the request are here."""

    records: RecordsIn

    async def video_came(self, event: Event[VideoIngested], work: UnitOfWork) -> None:
        """A video is ready: serve whoever waited for it."""
        records = self.records(work)
        await work.hold(event.data.video_id)
        await records.add_video(event.data)
        video = await records.video(event.data.video_id)
        if video is None:
            return
        for job_id, request in await records.requests(video.video_id):
            await _queue(work, job_id, request, video)

    async def job_came(self, event: Event[JobRequested], work: UnitOfWork) -> None:
        """A job asks for something: if for scenes or marks, and the video is here, begin."""
        request, job_id = event.data, event.jobid
        if not ours(request.steps) or job_id is None:
            return
        records = self.records(work)
        await work.hold(request.video_id)
        if not await records.add_request(job_id, request, asked_at=event.time):
            return
        video = await records.video(request.video_id)
        if video is not None:
            await _queue(work, job_id, request, video)


async def _queue(work: UnitOfWork, job_id: UUID, request: JobRequested, video: VideoIngested) -> None:
    steps = ours(request.steps)
    await work.enqueue(
        step=steps[0],
        kind="look",
        key=f"{job_id}/{'+'.join(steps)}/{request.run}",
        subject=video.video_id,
        job_id=job_id,
        priority=request.priority,
        payload={
            "run": request.run,
            "steps": list(steps),
            "original_key": video.original_key,
            "duration_s": video.duration_s,
            "frames": video.frames,
            "width": video.width,
            "height": video.height,
            "detector": request.options.scene_detector,
            "logos": [logo.model_dump(mode="json") for logo in request.options.logos],
        },
    )


@dataclass(frozen=True)
class LookAtVideo:
    """Look at a video once, write down its scenes and marks, and say so."""

    database: Database
    records: RecordsIn
    blobs: Blobs
    look: Look
    eyes: Eyes
    tell: Tell
    detector: Detector
    """Used by jobs that do not choose."""

    async def __call__(self, task: Task) -> None:
        """Do one task. Nothing is announced unless every document is stored."""
        try:
            await self._look(task)
        except (LeaseLost, asyncio.CancelledError):
            # What was erased or called off may have been deleted just before ours was written.
            await self._tidy_if_unwanted(task)
            raise

    async def _look(self, task: Task) -> None:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="vision-") as name:
            folder = Path(name)
            async with self.blobs.local(task.payload["original_key"]) as original, AsyncExitStack() as pictures:
                order = replace(self._order(task), logos=await self._logos(task, pictures))
                sight = await task.run_with(
                    self.look, self.eyes, original, order, folder, on_progress=_Teller(task, self.tell)
                )
            await self._store(task, sight, folder)
        seconds = round(time.monotonic() - began, 3)
        job_id, run, video_id = _job_of(task), task.payload["run"], UUID(task.subject)
        async with task.finish() as work:
            records = self.records(work)
            if sight.scenes is not None:
                scenes = ScenesDetected(
                    video_id=video_id, run=run, key=_folder(task, Step.SCENES) + DOCUMENTS[Step.SCENES],
                    scenes=len(sight.scenes.scenes), engine=sight.scenes.engine,
                    model_sha256=sight.scenes_model_sha256, seconds=seconds,
                )  # fmt: skip
                await records.add_scenes(job_id, scenes, sight.scenes)
                await work.announce(scenes, subject=video_id, job_id=job_id)
            if sight.watermarks is not None:
                marks = WatermarksDetected(
                    video_id=video_id, run=run, key=_folder(task, Step.WATERMARKS) + DOCUMENTS[Step.WATERMARKS],
                    marks=len(sight.watermarks.marks), engine=sight.watermarks.engine,
                    model_sha256=sight.watermarks_model_sha256, seconds=seconds,
                )  # fmt: skip
                await records.add_overlays(job_id, marks, sight.watermarks)
                await work.announce(marks, subject=video_id, job_id=job_id)

    def _order(self, task: Task) -> Order:
        payload = task.payload
        return Order(
            steps=tuple(Step(step) for step in payload["steps"]),
            detector=payload["detector"] or self.detector,
            duration_s=payload["duration_s"],
            frames=payload["frames"],
            width=payload["width"],
            height=payload["height"],
        )

    async def _logos(self, task: Task, pictures: AsyncExitStack) -> tuple[Reference, ...]:
        """The pictures to look for, at hand; one that was removed meanwhile is gone without."""
        found = []
        for logo in task.payload.get("logos", ()):
            try:
                path = await pictures.enter_async_context(self.blobs.local(logo["key"]))
            except BlobNotFound:
                continue
            found.append(Reference(UUID(logo["id"]), logo["name"], path))
        return tuple(found)

    async def _store(self, task: Task, sight: Sight, folder: Path) -> None:
        for name in sight.keyframes:
            await self.blobs.put_file(_folder(task, Step.SCENES) + name, folder / name)
        if sight.scenes is not None:
            document = sight.scenes.model_dump_json().encode()
            await self.blobs.put_bytes(_folder(task, Step.SCENES) + DOCUMENTS[Step.SCENES], document)
        if sight.watermarks is not None:
            document = sight.watermarks.model_dump_json().encode()
            await self.blobs.put_bytes(_folder(task, Step.WATERMARKS) + DOCUMENTS[Step.WATERMARKS], document)

    async def _tidy_if_unwanted(self, task: Task) -> None:
        async with self.database.begin(task.tenant_id) as work:
            erased = await self.records(work).is_erased(UUID(task.subject))
        if erased or await task.is_cancelled():
            for step in task.payload["steps"]:
                await self.blobs.delete_prefix(_folder(task, step))


class _Teller:
    """Passes the child's progress on to every step it stands for, each at its own pace."""

    def __init__(self, task: Task, tell: Callable[[StepProgressed, UUID, UUID | None], Awaitable[None]]) -> None:
        self._task, self._tell = task, tell
        self._told_at = float("-inf")

    async def __call__(self, fraction: float, message: str) -> None:
        now = time.monotonic()
        if now - self._told_at < _TOLD_EVERY_S and fraction < 1:
            return
        self._told_at = now
        steps = [Step(step) for step in self._task.payload["steps"]]
        for step in steps:
            fact = StepProgressed(
                video_id=UUID(self._task.subject),
                step=step,
                run=self._task.payload["run"],
                fraction=share_of(step, fraction),
                message=message,
            )
            await self._tell(fact, self._task.tenant_id, self._task.job_id)


async def announce_failures(task: Task, failure: Failure, work: UnitOfWork) -> None:
    """Every step the task stood for has failed."""
    for step in task.payload["steps"]:
        fact = StepFailed(
            video_id=UUID(task.subject),
            step=Step(step),
            run=task.payload["run"],
            reason=failure.reason,
            detail=failure.detail,
            attempts=failure.attempts,
        )
        await work.announce(fact, subject=task.subject, job_id=task.job_id)


def _folder(task: Task, step: str) -> str:
    return f"derived/{task.tenant_id}/{_job_of(task)}/{step}-{task.payload['run']}/"


def _job_of(task: Task) -> UUID:
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for scenes and marks")
    return task.job_id
