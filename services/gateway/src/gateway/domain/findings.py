"""What jobs found: one finding for each step that succeeded, listed and read on its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.align import AlignmentReady
from contracts.event import Fact
from contracts.transcribe import TranscriptReady
from contracts.upscale import VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.domain.jobs import Job

__all__ = ["NAMES", "Finding", "Kind", "Narrowed", "found_in"]

Kind = Literal["scenes", "transcript", "alignment", "watermarks", "rendition"]
NAMES: dict[Kind, str] = {
    "scenes": "scenes",
    "transcript": "transcript",
    "alignment": "alignment",
    "watermarks": "watermarks",
    "rendition": "rendition",
}
"""What people call them, in refusals."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step of a job found."""

    id: UUID
    kind: Kind
    job_id: UUID
    video_id: UUID
    script_id: UUID | None
    run: int
    engine: str
    model_sha256: str | None
    seconds: float
    key: str
    """Blob key of the document; of an alignment, of the ledger without what people said."""
    created_at: datetime
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What a list shows of it."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Blob keys beside the document: ``keyframes`` (a folder), ``content``, exports by format."""
    revision: int = 0
    """Up to which revision people's corrections are in the exports."""
    deleted_at: datetime | None = None
    """From when on there is nothing but word that it was there."""
    erasure_id: UUID | None = None
    """By which it was deleted."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which of a list are wanted; absent means all."""

    video_id: UUID | None = None
    job_id: UUID | None = None
    state: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


def found_in(fact: Fact, job: Job, *, id: UUID, at: datetime) -> Finding | None:
    """What a fact says was found for a job; None for a fact that ends no step."""
    if not isinstance(fact, ScenesDetected | WatermarksDetected | TranscriptReady | AlignmentReady | VideoUpscaled):
        return None
    kind, key, summary, files = _of(fact)
    return Finding(
        id=id,
        kind=kind,
        job_id=job.id,
        video_id=job.video_id,
        script_id=fact.script_id if isinstance(fact, AlignmentReady) else None,
        run=fact.run,
        engine=fact.engine,
        model_sha256=fact.model_sha256,
        seconds=fact.seconds,
        key=key,
        created_at=at,
        summary=summary,
        files=files,
        revision=fact.revision if isinstance(fact, AlignmentReady) else 0,
    )


def _of(
    fact: ScenesDetected | WatermarksDetected | TranscriptReady | AlignmentReady | VideoUpscaled,
) -> tuple[Kind, str, dict[str, Any], dict[str, str]]:
    if isinstance(fact, ScenesDetected):
        folder, slash, _ = fact.key.rpartition("/")
        return "scenes", fact.key, {"count": fact.scenes}, {"keyframes": f"{folder}{slash}keyframes/"}
    if isinstance(fact, WatermarksDetected):
        return "watermarks", fact.key, {"count": fact.marks}, {}
    if isinstance(fact, TranscriptReady):
        return "transcript", fact.key, {"language": fact.language, "word_count": fact.words}, {}
    if isinstance(fact, AlignmentReady):
        summary = {"script_matches": fact.script_matches, "coverage": fact.coverage, "line_count": fact.lines}
        return "alignment", fact.machine_key or fact.key, summary, {"json": fact.key, **fact.exports}
    summary = {"width": fact.width, "height": fact.height, "frames": fact.frames, "passed": fact.passed}
    return "rendition", fact.qc_key, summary, {"content": fact.rendition_key}
