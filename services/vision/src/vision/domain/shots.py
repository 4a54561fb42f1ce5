"""Shots: the film between two boundaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision.domain.boundaries import Boundary

__all__ = ["Shot", "keyframe_of", "shots_between"]


@dataclass(frozen=True)
class Shot:
    """Frames ``start_frame`` up to but without ``end_frame``; ``start`` and ``end`` are seconds."""

    start_frame: int
    end_frame: int
    start: float
    end: float
    transition: Literal["cut", "dissolve", "fade", "start"]
    score: float


def shots_between(boundaries: Sequence[Boundary], times: NDArray[np.float64], end: float) -> list[Shot]:
    """All shots in order; together they cover every frame once.

    ``times[f]`` is when frame ``f`` is shown, ``end`` when the last one is over. Boundaries at frame 0, beyond the
    last frame, or told twice are dropped.
    """
    count = len(times)
    if not count:
        return []
    kept: dict[int, Boundary] = {}
    for boundary in sorted(boundaries, key=lambda item: (item.frame, -item.score)):
        if 0 < boundary.frame < count:
            kept.setdefault(boundary.frame, boundary)
    starts = [0, *kept]
    shots = []
    for first, last in zip(starts, [*starts[1:], count], strict=True):
        begins = kept.get(first)
        shots.append(
            Shot(
                start_frame=first,
                end_frame=last,
                start=float(times[first]),
                end=float(times[last]) if last < count else max(end, float(times[-1])),
                transition=begins.transition if begins else "start",
                score=begins.score if begins else 1.0,
            )
        )
    return shots


def keyframe_of(shot: Shot, available: Sequence[int]) -> int:
    """Place in ``available`` (frame numbers, ascending) of the frame that shows the shot best: near its middle.

    Of a shot that no available frame lies in, the nearest one.
    """
    middle = (shot.start_frame + shot.end_frame - 1) / 2
    inside = [place for place, frame in enumerate(available) if shot.start_frame <= frame < shot.end_frame]
    return min(inside or range(len(available)), key=lambda place: abs(available[place] - middle))
