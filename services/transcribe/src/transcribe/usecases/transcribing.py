"""Hears a video: at once when it is short, in pieces when it is long."""

import asyncio
import time
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.blobs import BlobNotFound
from chassis.database import Database
from chassis.work import LeaseLost, Task
from transcribe.domain.heard import Survey
from transcribe.domain.keys import piece_key, pieces_digest, survey_key
from transcribe.domain.languages import model_for
from transcribe.domain.progress import surveying
from transcribe.domain.transcripts import silent
from transcribe.ports import Ears, Listen, Look, PieceRow
from transcribe.usecases.forgetting import tidy_if_unwanted
from transcribe.usecases.pieces import SURVEY, Cut, queue_piece, queue_stitching
from transcribe.usecases.writing import Scribe, job_of

__all__ = ["TranscribeVideo"]

AT_ONCE = 1.5
"""Times the longest piece: what is not longer is not worth a second task."""


@dataclass(frozen=True)
class TranscribeVideo:
    """Hear a video and write its transcript; or cut it, and queue the pieces a former run did not hear already."""

    database: Database
    scribe: Scribe
    listen: Listen
    look: Look
    ears: Ears
    models: dict[str, str]
    """Name of the model by quality, ``fast`` and ``accurate``."""
    piece_s: float
    """Seconds of the longest piece."""

    async def __call__(self, task: Task) -> None:
        """Do one task."""
        try:
            if task.payload["audio_key"] is None:
                await self.scribe.conclude(task, silent(task.payload["duration_s"]), model_sha256="", seconds=0.0)
            elif task.payload["duration_s"] <= AT_ONCE * self.piece_s:
                await self._hear(task)
            else:
                await self._cut(task)
        except (LeaseLost, asyncio.CancelledError):
            await tidy_if_unwanted(task, self.database, self.scribe.records, self.scribe.blobs)
            raise

    async def _hear(self, task: Task) -> None:
        began = time.monotonic()
        ears = replace(self.ears, hints=await self.scribe.hints(task))
        async with self.scribe.blobs.local(task.payload["audio_key"]) as audio:
            hearing = await task.run(self.listen, ears, self._model(task), audio, task.payload["language"], None)
        transcript, seconds = self.scribe.transcript(hearing), time.monotonic() - began
        await self.scribe.conclude(task, transcript, model_sha256=hearing.model_sha256, seconds=seconds)

    async def _cut(self, task: Task) -> None:
        began, blobs, job_id = time.monotonic(), self.scribe.blobs, job_of(task)
        survey, model = await self._survey(task), self._model(task)
        ears = replace(self.ears, hints=await self.scribe.hints(task))
        # With the cuts themselves: should they be found elsewhere this time, nothing heard before would fit them.
        digest = pieces_digest(task.payload["audio_key"], model, ears, survey)
        await blobs.put_bytes(survey_key(task.tenant_id, job_id, digest), SURVEY.dump_json(survey))
        heard = [await self._is_heard(task, digest, index) for index in range(len(survey.pieces))]
        rows = [
            PieceRow(index, piece.end - piece.start, 0.0 if heard[index] else None)
            for index, piece in enumerate(survey.pieces)
        ]
        asked, surveyed_s = task.payload, time.monotonic() - began
        cut = Cut(asked["run"], digest, asked["audio_key"], model, surveyed_s, asked.get("script_key"))
        async with task.finish() as work:
            await self.scribe.records(work).add_pieces(job_id, cut.run, UUID(task.subject), rows)
            for row in rows:
                if row.seconds is None:
                    await queue_piece(work, task, cut, row.index)
            if all(heard):
                await queue_stitching(work, task, cut)

    async def _survey(self, task: Task) -> Survey:
        async def tell(fraction: float, message: str) -> None:
            await task.progress(surveying(fraction), message)

        async with self.scribe.blobs.local(task.payload["audio_key"]) as audio:
            language = task.payload["language"]
            return await task.run_with(
                self.look, self.ears, self._model(task), audio, language, self.piece_s, on_progress=tell
            )

    async def _is_heard(self, task: Task, digest: str, index: int) -> bool:
        try:
            await self.scribe.blobs.stat(piece_key(task.tenant_id, job_of(task), digest, index))
        except BlobNotFound:
            return False
        return True

    def _model(self, task: Task) -> str:
        return model_for(quality=task.payload["quality"], language=task.payload["language"], models=self.models)
