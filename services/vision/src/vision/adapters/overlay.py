"""Finds marks that stay in one place: search, presence, outline, and what is left when they are weighed together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vision.adapters.overlay_presence import Outline, outline, presence
from vision.adapters.overlay_search import Candidate, search
from vision.adapters.overlay_views import Chunk, chunks_of
from vision.adapters.samples import SampleStore
from vision.domain.presence import Stretch, Timeline, present_samples, stretches

__all__ = ["StillMark", "find_still_marks"]

_MOST_CANDIDATES = 60


@dataclass
class StillMark:
    """A mark that does not move, on the reduced frame."""

    outline: Outline
    stretches: list[Stretch]
    shots: set[int]
    """Shots in which it is seen."""
    views: int
    samples: list[int] = field(default_factory=list)


def find_still_marks(
    samples: SampleStore, timeline: Timeline, progress: Callable[[float], None] = lambda fraction: None
) -> tuple[list[StillMark], list[Chunk]]:
    """Everything that looks overlaid in at least two views, unweighed, and the chunks it was found with."""
    shots = timeline.shots.tolist()
    chunks = chunks_of(samples, shots, lambda fraction: progress(0.4 * fraction))
    views = [0] * len(samples)
    for chunk in chunks:
        views[chunk.first : chunk.last] = [chunk.view] * (chunk.last - chunk.first)
    candidates = search(chunks, lambda fraction: progress(0.4 + 0.3 * fraction))[:_MOST_CANDIDATES]
    fits = presence(samples, candidates, lambda fraction: progress(0.7 + 0.2 * fraction))
    marks = []
    for candidate, fit in zip(candidates, fits, strict=True):
        mark = _mark(samples, candidate, present_samples(fit, candidate.first, candidate.last), timeline, views)
        if mark is not None:
            marks.append(mark)
    return marks, chunks


def _mark(
    samples: SampleStore,
    candidate: Candidate,
    present: "np.typing.NDArray[np.bool_]",
    timeline: Timeline,
    views: Sequence[int],
) -> StillMark | None:
    seen = [int(index) for index in np.flatnonzero(present)]
    found = stretches(present, timeline)
    if not seen or not found:
        return None
    drawn = outline(samples, candidate, seen, views)
    shots = {int(timeline.shots[index]) for index in seen}
    return StillMark(drawn, found, shots, len({views[index] for index in seen}), seen)
