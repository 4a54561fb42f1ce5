"""What transcribing needs from outside, and nothing about who gives it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.transcribe import TranscriptReady
from transcribe.domain.heard import Heard, Hearing, Survey
from transcribe.domain.pieces import Piece

__all__ = ["Ears", "Listen", "Look", "PieceRow", "Progress", "Recognizer", "Records"]

Progress = Callable[[float], None]
"""Told how much of the work is done, 0 to 1."""


class Recognizer(Protocol):
    """Whatever turns speech into words with times."""

    @property
    def engine(self) -> str:
        """Name and version of the software and its model, for reports."""
        ...

    def recognize(self, audio: Path, *, language: str | None, progress: Progress, piece: Piece | None = None) -> Heard:
        """Write down what is said in a 16 kHz mono WAV.

        Args:
            audio: the file.
            language: ISO 639-1 code of the speech; None to find out.
            progress: called now and then.
            piece: the part of it to hear; times stay those of the whole. None hears all of it.

        Raises:
            UnreadableAudio: the file is not what it should be; trying again will not help.
        """
        ...


@dataclass(frozen=True)
class Ears:
    """Which recognizer to hear with, and what it may use."""

    recognizer: Literal["whisper", "whisperx"]
    models_dir: Path | None
    cache_dir: Path | None
    beam: int
    threads: int
    device: str
    compute_type: str
    align_model: str | None
    hints: tuple[str, ...] = ()
    """Words of the script, for what is misheard; WhisperX does without."""


Listen = Callable[[Ears, str, Path, str | None, Piece | None], Hearing]
"""Hear a file, or a piece of it, with the model of that name, in a language or in whichever is spoken.

Runs in a child process.
"""

Look = Callable[[Ears, str, Path, str | None, float], Survey]
"""Find where a file may be cut into pieces of so many seconds at most, and its language, with the model of that name.

Runs in a child process.
"""


@dataclass(frozen=True)
class PieceRow:
    """How far a piece of a run is."""

    index: int
    length_s: float
    """Seconds of the recording it answers for."""
    seconds: float | None = None
    """What hearing it took; None while it is not heard."""


class Records(Protocol):
    """What the service remembers of videos and jobs, within one transaction of one tenant."""

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video; a second telling, or one after it was erased, changes nothing."""
        ...

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, unless it is not known yet or was erased."""
        ...

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember that a run of a job wants a transcript; False when the job was cancelled after it asked."""
        ...

    async def requests(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Who wants a transcript of a video, oldest first: ids of the jobs and what they asked."""
        ...

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> bool:
        """Forget what a job wanted until then; False if it wanted nothing of us."""
        ...

    async def add_pieces(self, job_id: UUID, run: int, video_id: UUID, pieces: Sequence[PieceRow]) -> None:
        """Remember into what a run was cut, in place of what was known of it."""
        ...

    async def add_heard(self, job_id: UUID, run: int, index: int, heard_s: float) -> float:
        """Note how many seconds of a piece are heard; returns those of the whole run."""
        ...

    async def complete_piece(self, job_id: UUID, run: int, index: int, *, seconds: float) -> None:
        """Note that a piece is heard, and how many seconds that took; a second time changes nothing."""
        ...

    async def pieces(self, job_id: UUID, run: int) -> Sequence[PieceRow]:
        """The pieces of a run, in order; none when it is heard at once."""
        ...

    async def add_transcript(self, job_id: UUID, transcript: TranscriptReady) -> None:
        """Record a finished transcript; the same run again changes nothing."""
        ...

    async def transcribed(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Job and run of every transcript made of a video."""
        ...

    async def erase_transcripts(self, job_ids: Sequence[UUID]) -> int:
        """Forget the transcripts of these jobs; returns how many there were."""
        ...

    async def erase_pieces(self, job_ids: Sequence[UUID]) -> int:
        """Forget into what these jobs were cut; returns how many pieces there were."""
        ...

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what."""
        ...

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        ...
