"""Writes transcripts down."""

from dataclasses import dataclass
from uuid import UUID

from chassis.blobs import BlobNotFound, Blobs
from chassis.erasing.leftovers import queue_discarding
from chassis.work import Task
from contracts.documents import Transcript
from contracts.steps import Step
from contracts.transcribe import TranscriptReady
from transcribe.domain.heard import Hearing
from transcribe.domain.hints import hint_words
from transcribe.domain.keys import scratch_folder, transcript_folder
from transcribe.domain.transcripts import transcript_of
from transcribe.usecases.joining import RecordsIn

__all__ = ["Scribe", "job_of"]


@dataclass(frozen=True)
class Scribe:
    """Writes ``transcript.json``, and says that it is ready."""

    records: RecordsIn
    blobs: Blobs
    pause_s: float
    longest_segment_s: float

    def transcript(self, hearing: Hearing) -> Transcript:
        """What was heard, as readers get it."""
        return transcript_of(
            hearing.heard,
            pause_s=self.pause_s,
            longest_segment_s=self.longest_segment_s,
            engine=hearing.engine,
            levels=hearing.levels,
            peak=hearing.peak,
        )

    async def hints(self, task: Task) -> tuple[str, ...]:
        """Words of the job's script; none where it has none, or it is erased meanwhile."""
        if not task.payload.get("script_key"):
            return ()
        try:
            return hint_words(await self.blobs.get_bytes(task.payload["script_key"]))
        except BlobNotFound:
            return ()

    async def conclude(self, task: Task, transcript: Transcript, *, model_sha256: str, seconds: float) -> None:
        """End a task with a transcript. Nothing is announced unless the document is stored."""
        job_id, run = job_of(task), task.payload["run"]
        key = transcript_folder(task.tenant_id, job_id, run) + "transcript.json"
        await self.blobs.put_bytes(key, transcript.model_dump_json().encode())
        fact = TranscriptReady(
            video_id=UUID(task.subject),
            run=run,
            key=key,
            audio_key=task.payload["audio_key"],
            language=transcript.language,
            words=len(transcript.words),
            engine=transcript.engine,
            model_sha256=model_sha256,
            seconds=round(seconds, 3),
        )
        async with task.finish() as work:
            records = self.records(work)
            await records.add_transcript(job_id, fact)
            await work.announce(fact, subject=fact.video_id, job_id=job_id)
            if await records.pieces(job_id, run):
                await queue_discarding(
                    work,
                    step=Step.TRANSCRIPT,
                    about=fact.video_id,
                    key=f"pieces/{job_id}/{run}",
                    folders=[scratch_folder(task.tenant_id, job_id)],
                )


def job_of(task: Task) -> UUID:
    """The job a task belongs to."""
    if task.job_id is None:
        raise ValueError(f"task {task.key!r} belongs to no job; only jobs ask for transcripts")
    return task.job_id
