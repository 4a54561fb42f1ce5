"""What upscaling needs from outside, and nothing about who gives it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from contracts.documents import ChunkReport, QualityReport
from contracts.gateway import JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.steps import Step
from upscale.domain.plan import Encoding, Plan
from upscale.ports.engines import EngineMissing, Enhancer, OutOfMemory

__all__ = [
    "Assemble",
    "Assembled",
    "AssemblyOrder",
    "ChunkMade",
    "ChunkOrder",
    "ChunkRow",
    "Draw",
    "EngineMissing",
    "Enhancer",
    "Finding",
    "Make",
    "OutOfMemory",
    "PlanOrder",
    "PlanRow",
    "Records",
    "Workshop",
]


@dataclass(frozen=True)
class Workshop:
    """What a machine works with."""

    engine: Literal["openvino", "torch"]
    precision: Literal["auto", "f32", "bf16", "f16", "int8"]
    device: str
    tile_pixels: int
    """Largest tile, in pixels of the source with its overlap."""
    threads: int | None
    models_dir: Path | None
    cache_dir: Path | None
    still_codes: int = 0
    """By how many code values samples may stray before a place is computed anew; negative: all of it, always."""


@dataclass(frozen=True)
class PlanOrder:
    """Plan this rendition."""

    source: Path
    source_sha256: str
    options: UpscaleOptions
    encoding: Encoding
    chunk_megapixels: float
    warnings: tuple[str, ...] = ()
    """What is to be said of the result from the start."""
    models_dir: Path | None = None
    """Where the operator's own models are."""
    engine: Literal["openvino", "torch"] = "openvino"
    """What the pool's workers compute with."""


@dataclass(frozen=True)
class ChunkOrder:
    """Make one chunk."""

    source: Path
    plan: Plan
    index: int
    target: Path
    workshop: Workshop
    attempt: int
    """1 at the first try; later ones take smaller tiles, for memory may be what ended the first."""
    control: Path | None = None
    """A file that may appear: while it says ``pause`` nothing is begun; once it says ``stop`` the chunk ends early."""


@dataclass(frozen=True)
class ChunkMade:
    """A verified chunk."""

    frames: int
    sha256: str
    engine: str
    machine: str
    seconds: float
    setup_sha256: str = ""
    tile_pixels: int | None = None
    """The largest tile that there was memory for, in pixels of the source; None if memory never ran out."""


@dataclass(frozen=True)
class AssemblyOrder:
    """Join these chunks, given in order, and give them the original's sound."""

    source: Path
    plan: Plan
    chunks: tuple[tuple[Path, ChunkReport], ...]
    target: Path
    currency: str = ""


@dataclass(frozen=True)
class Assembled:
    """A rendition and what was found on it."""

    report: QualityReport
    seconds: float
    page: str = ""
    """The report for people."""


@dataclass(frozen=True)
class ChunkRow:
    """What is remembered of a chunk; ``key`` and all after it are empty until it is made."""

    index: int
    start: int
    end: int
    key: str | None = None
    sha256: str = ""
    engine: str = ""
    machine: str = ""
    attempts: int = 0
    seconds: float = 0.0
    setup_sha256: str = ""
    """Digest of what a decoder is set up with: the same for all chunks of a film."""
    pool: str = ""
    """Kind of machine that made it: gpu, colab or local."""


@dataclass(frozen=True)
class PlanRow:
    """What is remembered of a plan."""

    job_id: UUID
    run: int
    video_id: UUID
    original_key: str
    manifest_sha256: str
    plan_key: str
    frames: int
    chunks: int
    model_sha256: str
    seconds: float
    """What planning took."""
    chunk_megapixels: float = 0.0
    """Megapixels of source that a chunk was planned to hold."""


@dataclass(frozen=True)
class Finding:
    """What is known of another step of a job."""

    key: str | None = None
    """Blob key of its document, once there is one."""
    failed_run: int = 0
    """The newest run of it that has failed; 0 when none has."""


class Records(Protocol):
    """What the service remembers, within one transaction of one tenant."""

    async def lock_video(self, video_id: UUID) -> None:
        """Let no other transaction join this video with a job until ours ends."""
        ...

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video; a second telling, or one after it was erased, changes nothing."""
        ...

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, unless it is not known yet or was erased."""
        ...

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember that a run of a job wants upscaling; False when the job was cancelled after it asked."""
        ...

    async def requests(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Who wants a video upscaled, oldest first: ids of the jobs and what they asked."""
        ...

    async def add_finding(
        self, job_id: UUID, video_id: UUID, step: Step, *, key: str | None = None, failed_run: int | None = None
    ) -> None:
        """Remember what a job's step found, or that a run of it failed; nothing of a video that was erased."""
        ...

    async def finding(self, job_id: UUID, step: Step) -> Finding:
        """What we have heard of a job's step."""
        ...

    async def runs(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Every job and run that ever wanted a video upscaled, cancelled ones too."""
        ...

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> bool:
        """Note that nobody waits for what a job wanted until then; False if it wanted nothing of us."""
        ...

    async def newest_run(self, job_id: UUID) -> int | None:
        """The run somebody waits for; None when the job was cancelled or its video erased."""
        ...

    async def erase_renditions(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget how the films of these jobs were made; returns how many rows of what."""
        ...

    async def discard_chunks_of(self, job_ids: Sequence[UUID]) -> None:
        """Forget what was made of any chunk of these jobs, so that it is made anew if they are asked for again."""
        ...

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what."""
        ...

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        ...

    async def add_plan(self, plan: PlanRow, spans: Sequence[ChunkRow], /) -> None:
        """Remember a plan and the chunks it lacks; chunks known by the same manifest stay as they are."""
        ...

    async def plan(self, job_id: UUID, run: int) -> PlanRow | None:
        """The plan of one run."""
        ...

    async def chunk_megapixels(self, job_id: UUID) -> float | None:
        """How much an earlier run of this job put into a chunk: with that the same chunks come out again."""
        ...

    async def chunks(self, job_id: UUID, manifest_sha256: str) -> Sequence[ChunkRow]:
        """The chunks of a manifest, in order."""
        ...

    async def add_progress(self, job_id: UUID, manifest_sha256: str, index: int, frames_done: float) -> float:
        """Note how far a chunk is; returns the frames done over all chunks. It never goes back."""
        ...

    async def complete_chunk(self, job_id: UUID, manifest_sha256: str, chunk: ChunkRow) -> bool:
        """Record a finished chunk; False if another machine was first, and then nothing changes."""
        ...

    async def split_chunk(self, job_id: UUID, manifest_sha256: str, index: int, at: int) -> ChunkRow | None:
        """End an unfinished chunk at this frame; returns the new one that begins there, or None if it is made."""
        ...

    async def discard_chunks(self, job_id: UUID, manifest_sha256: str, indexes: Sequence[int]) -> None:
        """Forget what was made of these chunks, so that they are made anew."""
        ...


Draw = Callable[[PlanOrder], Plan]
"""Index a video and plan its rendition. Runs in a child process, like the next two."""
Make = Callable[[ChunkOrder], ChunkMade]
"""Make and verify one chunk."""
Assemble = Callable[[AssemblyOrder], Assembled]
"""Join, mux and verify."""
