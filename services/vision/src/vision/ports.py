"""What looking at films needs from outside, and nothing about who gives it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from contracts.documents import Scenes, Watermarks
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepProgressed
from contracts.vision import ScenesDetected, WatermarksDetected
from vision.domain.boundaries import Boundary
from vision.domain.pictures import Pictures

__all__ = ["Eyes", "Look", "Order", "Records", "Reference", "SceneDetector", "Sight", "Tell"]


class SceneDetector(Protocol):
    """Whatever finds the boundaries between shots."""

    @property
    def engine(self) -> str:
        """Name and version of the software and its model, for reports."""
        ...

    def see(self, small: NDArray[np.uint8]) -> None:
        """Take the next frame of the film, ``[27, 48, 3]`` RGB."""
        ...

    def boundaries(self, pictures: Pictures) -> list[Boundary]:
        """All boundaries, once every frame was seen; ``pictures`` are the same frames."""
        ...


@dataclass(frozen=True)
class Eyes:
    """What the engines may use."""

    models_dir: Path | None
    cache_dir: Path | None
    threads: int
    longest: int
    """Pixels of the longer side of the pictures that marks are looked for in."""


@dataclass(frozen=True)
class Reference:
    """A picture of the tenant's own, to be looked for."""

    id: UUID
    name: str
    path: Path


@dataclass(frozen=True)
class Order:
    """What to look for in a film."""

    steps: tuple[Step, ...]
    detector: Literal["accurate", "fast"]
    duration_s: float
    frames: int
    width: int
    """Pixels as displayed."""
    height: int
    logos: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Sight:
    """What was seen. Documents are absent when they were not asked for."""

    scenes: Scenes | None
    watermarks: Watermarks | None
    keyframes: tuple[str, ...] = field(default=())
    """Names of the files written, relative to the folder given."""
    scenes_model_sha256: str | None = None
    watermarks_model_sha256: str | None = None


Look = Callable[[Eyes, Path, Order, Path], Sight]
"""Look at a film once and write key frames into a folder. Runs in a child process."""

Tell = Callable[[StepProgressed, UUID, UUID | None], Awaitable[None]]
"""Tell how far a step is, for a tenant and a job."""


class Records(Protocol):
    """What the service remembers of videos and jobs, within one transaction of one tenant."""

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video; a second telling, or one after it was erased, changes nothing."""
        ...

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, unless it is not known yet or was erased."""
        ...

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember that a run of a job wants something seen; False when the job was cancelled after it asked."""
        ...

    async def requests(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Who wants a video looked at, oldest first: ids of the jobs and what they asked."""
        ...

    async def ever_requested(self, video_id: UUID) -> Sequence[tuple[UUID, JobRequested]]:
        """Like ``requests``, with those of jobs that were cancelled: some had been served by then."""
        ...

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> None:
        """Serve no more what a job wanted until then."""
        ...

    async def add_scenes(self, job_id: UUID, fact: ScenesDetected, scenes: Scenes) -> None:
        """Record the scenes a run found; the same run again changes nothing."""
        ...

    async def add_overlays(self, job_id: UUID, fact: WatermarksDetected, watermarks: Watermarks) -> None:
        """Record the marks a run found; the same run again changes nothing."""
        ...

    async def erase_results(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget the scenes and marks that these jobs found; returns how many rows of what."""
        ...

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what."""
        ...

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        ...
