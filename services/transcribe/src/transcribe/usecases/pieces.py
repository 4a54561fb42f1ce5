"""Hears the pieces of a long recording, each wherever a worker is free, and puts together what was heard."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from pydantic import TypeAdapter

from chassis.blobs import Blobs
from chassis.database import Database, UnitOfWork
from chassis.work import Failure, LeaseLost, Task
from contracts.steps import Step, StepFailed
from transcribe.domain.heard import Heard, Hearing, Survey
from transcribe.domain.keys import piece_key, survey_key
from transcribe.domain.progress import hearing as bar
from transcribe.domain.seams import joined
from transcribe.ports import Ears, Listen
from transcribe.usecases.forgetting import tidy_if_unwanted
from transcribe.usecases.writing import Scribe, job_of

__all__ = ["SURVEY", "Cut", "HearPiece", "StitchPieces", "give_up", "queue_piece", "queue_stitching"]

SURVEY = TypeAdapter(Survey)
_HEARING = TypeAdapter(Hearing)
_TELL_EVERY_S = 1.0


@dataclass(frozen=True)
class Cut:
    """How a run was cut."""

    run: int
    digest: str
    audio_key: str
    model: str
    surveyed_s: float
    """What looking it over took."""
    script_key: str | None = None


async def queue_piece(work: UnitOfWork, task: Task, cut: Cut, index: int) -> None:
    """Queue the hearing of one piece."""
    await work.enqueue(
        step=Step.TRANSCRIPT,
        kind="piece",
        key=f"{task.job_id}/{Step.TRANSCRIPT}/{cut.run}/piece/{index:05d}",
        subject=UUID(task.subject),
        job_id=task.job_id,
        priority=task.payload.get("priority", "normal"),
        payload=asdict(cut) | {"index": index},
    )


async def queue_stitching(work: UnitOfWork, task: Task, cut: Cut) -> None:
    """Queue the putting together, once a run however often it is asked for."""
    await work.enqueue(
        step=Step.TRANSCRIPT,
        kind="stitch",
        key=f"{task.job_id}/{Step.TRANSCRIPT}/{cut.run}/stitch",
        subject=UUID(task.subject),
        job_id=task.job_id,
        priority=task.payload.get("priority", "normal"),
        payload=asdict(cut),
    )


@dataclass(frozen=True)
class HearPiece:
    """Hear one piece, keep what was heard, and have the transcript put together if it was the last."""

    database: Database
    scribe: Scribe
    listen: Listen
    ears: Ears

    async def __call__(self, task: Task) -> None:
        """Do one task."""
        try:
            await self._hear(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.scribe.records, self.scribe.blobs)
            raise

    async def _hear(self, task: Task) -> None:
        began, job_id, index = time.monotonic(), job_of(task), task.payload["index"]
        survey = await _survey_of(task, self.scribe.blobs)
        heard = await self._heard(task, survey)
        key = piece_key(task.tenant_id, job_id, task.payload["digest"], index)
        await self.scribe.blobs.put_bytes(key, _HEARING.dump_json(heard))
        cut = _cut_of(task)
        async with task.finish() as work:
            records = self.scribe.records(work)
            await work.hold(f"stitch/{job_id}")
            await records.complete_piece(job_id, cut.run, index, seconds=time.monotonic() - began)
            if all(row.seconds is not None for row in await records.pieces(job_id, cut.run)):
                await queue_stitching(work, task, cut)

    async def _heard(self, task: Task, survey: Survey) -> Hearing:
        piece = survey.pieces[task.payload["index"]]
        if not piece.speech:
            return Hearing(Heard((), survey.language, None, survey.duration), "", "")
        ears = replace(self.ears, hints=await self.scribe.hints(task))
        async with self.scribe.blobs.local(task.payload["audio_key"]) as audio:
            return await task.run_with(
                self.listen,
                ears,
                task.payload["model"],
                audio,
                survey.language,
                piece,
                on_progress=self._teller(task, piece.end - piece.start, survey.duration),
            )

    def _teller(self, task: Task, length_s: float, duration_s: float) -> Callable[[float, str], Awaitable[None]]:
        """Tell how far the whole recording is: this piece and all others, wherever those are heard."""
        told_at = float("-inf")

        async def tell(fraction: float, message: str) -> None:
            nonlocal told_at
            now = time.monotonic()
            if now - told_at < _TELL_EVERY_S and fraction < 1:
                return
            told_at = now
            run, index = task.payload["run"], task.payload["index"]
            async with self.database.begin(task.tenant_id) as work:
                heard_s = await self.scribe.records(work).add_heard(job_of(task), run, index, fraction * length_s)
            await task.progress(bar(heard_s, duration_s), message)

        return tell


@dataclass(frozen=True)
class StitchPieces:
    """Put together what was heard in pieces."""

    database: Database
    scribe: Scribe

    async def __call__(self, task: Task) -> None:
        """Do one task."""
        try:
            await self._stitch(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.scribe.records, self.scribe.blobs)
            raise

    async def _stitch(self, task: Task) -> None:
        began, job_id, cut = time.monotonic(), job_of(task), _cut_of(task)
        survey = await _survey_of(task, self.scribe.blobs)
        parts = []
        for index, piece in enumerate(survey.pieces):
            key = piece_key(task.tenant_id, job_id, cut.digest, index)
            parts.append((piece, _HEARING.validate_json(await self.scribe.blobs.get_bytes(key))))
        passages = await asyncio.to_thread(joined, [(piece, hearing.heard.passages) for piece, hearing in parts])
        heard = Heard(passages, survey.language, survey.language_probability, survey.duration)
        engine, model_sha256 = next(
            ((hearing.engine, hearing.model_sha256) for _, hearing in parts if hearing.engine), ("", "")
        )
        whole = Hearing(heard, engine, model_sha256, survey.levels, survey.peak)
        transcript = await asyncio.to_thread(self.scribe.transcript, whole)
        async with self.database.begin(task.tenant_id) as work:
            rows = await self.scribe.records(work).pieces(job_id, cut.run)
        seconds = cut.surveyed_s + sum(row.seconds or 0.0 for row in rows) + time.monotonic() - began
        await self.scribe.conclude(task, transcript, model_sha256=model_sha256, seconds=seconds)


async def _survey_of(task: Task, blobs: Blobs) -> Survey:
    """What was found out before a run was cut."""
    key = survey_key(task.tenant_id, job_of(task), task.payload["digest"])
    return SURVEY.validate_json(await blobs.get_bytes(key))


def _cut_of(task: Task) -> Cut:
    named = {name: task.payload[name] for name in ("run", "digest", "audio_key", "model", "surveyed_s")}
    return Cut(**named, script_key=task.payload.get("script_key"))


async def give_up(task: Task, failure: Failure, work: UnitOfWork) -> None:
    """Say why the step failed, and stop its other pieces: without this one they are in vain.

    Pieces that are heard stay for a retried run of the job.
    """
    if task.job_id is not None:
        await work.cancel_tasks(job_id=task.job_id)
    step = StepFailed(
        video_id=UUID(task.subject),
        step=Step.TRANSCRIPT,
        run=task.payload["run"],
        reason=failure.reason,
        detail=failure.detail[:2000],
        attempts=failure.attempts,
    )
    await work.announce(step, subject=step.video_id, job_id=task.job_id)
