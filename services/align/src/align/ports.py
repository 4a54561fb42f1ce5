"""What aligning needs from outside, and nothing about who gives it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from align.domain.exports.film import Source
from align.domain.script import Format
from contracts.align import AlignmentReady
from contracts.documents import Correction, Ledger
from contracts.gateway import AlignmentCorrected, JobRequested, ScriptSubmitted
from contracts.ingest import VideoIngested
from contracts.steps import Step
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = [
    "AlignFilm",
    "Aligned",
    "Alignment",
    "FilmOrder",
    "Records",
    "Reviews",
    "ReviseFilm",
    "Revised",
    "RevisionOrder",
    "Told",
    "Tools",
]


@dataclass(frozen=True)
class Tools:
    """Where the weights are, and how much of the machine may be used."""

    models_dir: Path | None
    cache_dir: Path | None
    threads: int


@dataclass(frozen=True)
class FilmOrder:
    """All that is needed to align one film: picklable, for the work is done in a child process."""

    script: bytes
    script_format: Format | None
    """What its author, or else its name, says it is."""
    title: str
    """What people call the script; names the timeline."""
    transcript: bytes
    """``transcript.json``."""
    scenes: bytes | None
    """``scenes.json``; None when there are none."""
    audio: Path | None
    source: Source
    """The film's file."""
    tools: Tools
    corrections: tuple[Correction, ...] = ()
    """What people said of this film and script before."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Which column of a table holds what: see ``align.domain.columns``."""

    def with_audio(self, audio: Path) -> "FilmOrder":
        """The same order, with the sound at hand."""
        return replace(self, audio=audio)


@dataclass(frozen=True)
class Aligned:
    """A film, aligned."""

    ledger: Ledger
    """With what people said of it before."""
    exports: Mapping[str, tuple[str, bytes]]
    """File name and content by export name: ``srt``, ``edl``, ``otio``…"""
    model_sha256: str
    machine: Ledger | None = None
    """Without what people said; None where nobody said anything."""
    conflicts: int = 0
    """How much of what people said found no place."""


AlignFilm = Callable[[FilmOrder], Aligned]
"""Align a film with its script. Runs in a child process."""


@dataclass(frozen=True)
class RevisionOrder:
    """All that is needed to write the exports of a film again: picklable, as above."""

    ledger: bytes
    """As the machine has it."""
    corrections: tuple[Correction, ...]
    title: str
    transcript: bytes
    """Empty once it is deleted."""
    scenes: bytes | None
    source: Source


@dataclass(frozen=True)
class Revised:
    """A ledger with what people said, and its exports."""

    ledger: Ledger
    exports: Mapping[str, tuple[str, bytes]]
    conflicts: int


ReviseFilm = Callable[[RevisionOrder], Revised]
"""Put corrections into a ledger and its exports. Runs in a child process."""


@dataclass(frozen=True)
class Told:
    """What people said of a video and a script, heard without a gap up to ``revision``."""

    revision: int
    corrections: tuple[Correction, ...]


@dataclass(frozen=True)
class Alignment:
    """An alignment that stands, and up to which revision people's corrections are in its exports."""

    job_id: UUID
    run: int
    video_id: UUID
    script_id: UUID
    machine_key: str
    revision: int


class Reviews(Protocol):
    """What people said of lines, within one transaction of one tenant."""

    async def hold(self, video_id: UUID, script_id: UUID) -> None:
        """Make other transactions about what was said of these two wait for this one."""
        ...

    async def hear(self, fact: AlignmentCorrected) -> None:
        """Remember what is said from now on; what was said later already stays, in whichever order it is heard."""
        ...

    async def told(self, video_id: UUID, script_id: UUID) -> Told:
        """What people say."""
        ...

    async def alignments(self, video_id: UUID, script_id: UUID) -> Sequence[Alignment]:
        """All alignments of the two."""
        ...

    async def alignment(self, job_id: UUID, run: int) -> Alignment | None:
        """One, unless it was erased."""
        ...

    async def revise(self, job_id: UUID, run: int, *, revision: int, key: str) -> bool:
        """Note where the newest ledger is; False if a newer one stands already."""
        ...


class Records(Protocol):
    """What the service remembers of scripts, jobs and their steps, within one transaction of one tenant."""

    async def hold(self, *, job_id: UUID | None = None, script_id: UUID | None = None) -> None:
        """Make other transactions about this job or script wait for this one.

        Two facts of one job may arrive at the same moment. Without this neither would see the other, and nobody would
        begin. Hold the job before the script.
        """
        ...

    async def add_script(self, script: ScriptSubmitted) -> None:
        """Remember a script; a second telling changes nothing."""
        ...

    async def script(self, script_id: UUID) -> ScriptSubmitted | None:
        """The script, if it was heard of."""
        ...

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video's measures; a second telling, or one after it was erased, changes nothing."""
        ...

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, if it was heard of and not erased."""
        ...

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember a run of a job; False when the job was cancelled after it asked, or the video erased."""
        ...

    async def requests(self, job_id: UUID) -> Sequence[JobRequested]:
        """All runs of a job, the first first."""
        ...

    async def jobs_of_script(self, script_id: UUID) -> Sequence[UUID]:
        """Jobs that have a run with alignment waiting, and name this script."""
        ...

    async def waiting(self, job_id: UUID) -> Sequence[JobRequested]:
        """Runs of a job that want an alignment and have neither begun nor failed."""
        ...

    async def settle(self, job_id: UUID, run: int) -> None:
        """The run waits no more: it was begun, or given up."""
        ...

    async def add_outcome(self, job_id: UUID, fact: TranscriptReady | ScenesDetected) -> None:
        """Remember that a step of the job is ready."""
        ...

    async def add_failure(self, job_id: UUID, video_id: UUID, step: Step, run: int) -> None:
        """Remember that a step of the job gave up."""
        ...

    async def transcript(self, job_id: UUID) -> TranscriptReady | None:
        """The newest transcript of any run of the job."""
        ...

    async def scenes(self, job_id: UUID) -> ScenesDetected | None:
        """The newest scenes of any run of the job."""
        ...

    async def failed(self, job_id: UUID, step: Step, run: int) -> bool:
        """Whether the step gave up in that run."""
        ...

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> None:
        """Forget what a job wanted until then."""
        ...

    async def add_alignment(self, job_id: UUID, fact: AlignmentReady, ledger: Ledger) -> None:
        """Record a finished alignment and the takes of its lines; the same run again changes nothing."""
        ...

    async def erase_alignments(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget the alignments of these jobs; returns how many rows of what."""
        ...

    async def lose(self, job_ids: Sequence[UUID], step: Step) -> int:
        """What a step of these jobs left is there no more, as if it had failed; returns how often there was any."""
        ...

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what."""
        ...

    async def runs_of_script(self, script_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Jobs and runs that asked for an alignment with a script."""
        ...

    async def erase_script(self, script_id: UUID) -> dict[str, int]:
        """Forget a script and all that was made of it, and never learn of it again; returns how many rows of what."""
        ...

    async def is_script_erased(self, script_id: UUID) -> bool:
        """Whether the script must leave no trace."""
        ...

    async def jobs_of_video(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Jobs and runs that asked about a video."""
        ...

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        ...
