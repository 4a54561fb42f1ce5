"""From a mark's fit per sample to the stretches of time it is there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretch", "Timeline", "present_samples", "reaching_ends", "stretches"]

_LEAST_FIT = 0.22
"""A template of noise fits noise by chance up to about 0.2."""
_SHARE = 0.5
"""Of its usual fit: half means half faded in."""
_WHILE = 4
"""Samples."""
_BLINK_S = 2.0
"""A mark that is gone for no longer blinks; it did not end."""
_UNSEEN_S = 8.0
"""Longest shot in which a mark may drown in the picture, if it is there right before and after."""


@dataclass(frozen=True)
class Timeline:
    """When samples were taken. ``shots[i]`` is the shot of sample ``i``; ``times`` are seconds."""

    times: NDArray[np.float64]
    shots: NDArray[np.int64]
    end: float
    """Where the film ends."""


@dataclass(frozen=True)
class Stretch:
    """Samples ``first..last`` (both included) show the mark, from ``start`` to ``end`` seconds."""

    first: int
    last: int
    start: float
    end: float
    shots: int = 1
    """Shots in which it shows the mark."""


def present_samples(fits: NDArray[np.float32], first: int, last: int) -> NDArray[np.bool_]:
    """Which samples show the mark, by its fit where it was found: samples ``first`` up to ``last``."""
    there = fits[first:last]
    usual = float(np.median(there[there >= _LEAST_FIT])) if (there >= _LEAST_FIT).any() else 1.0
    return fits >= max(_LEAST_FIT, _SHARE * usual)


def stretches(present: NDArray[np.bool_], timeline: Timeline, *, shortest_s: float = 0.6) -> list[Stretch]:
    """Join the samples that show the mark into stretches; an edge is halfway to the next sample without it."""
    runs: list[list[int]] = []
    for index in np.flatnonzero(present):
        if runs and _continues(timeline, runs[-1][1], int(index)):
            runs[-1][1] = int(index)
        else:
            runs.append([int(index), int(index)])
    found = [
        Stretch(first, last, _edge(timeline, first - 1), _edge(timeline, last), _shots(present, timeline, first, last))
        for first, last in runs
    ]
    return [stretch for stretch in found if stretch.end - stretch.start >= shortest_s]


def reaching_ends(found: Sequence[Stretch], timeline: Timeline) -> list[Stretch]:
    """The stretches, with those that miss the film's first or last two samples reaching its ends: what is followed
    from sample to sample is lost there.
    """
    last = len(timeline.times) - 1
    return [
        replace(
            stretch,
            start=0.0 if stretch.first <= 2 else stretch.start,
            end=timeline.end if stretch.last >= last - 2 else stretch.end,
        )
        for stretch in found
    ]


def _shots(present: NDArray[np.bool_], timeline: Timeline, first: int, last: int) -> int:
    """Shots that show the mark for a while; the start of a dissolve into a shot is not yet the shot."""
    count = 0
    for shot in sorted(set(timeline.shots[first : last + 1].tolist())):
        own = timeline.shots == shot
        seen = int((present & own)[first : last + 1].sum())
        count += seen >= _WHILE or seen >= 0.6 * int(own.sum())
    return count


def _edge(timeline: Timeline, before: int) -> float:
    """The moment between sample ``before`` and the next; the film's own ends beyond the first and last."""
    if before < 0:
        return 0.0
    if before + 1 >= len(timeline.times):
        return timeline.end
    return float(timeline.times[before] + timeline.times[before + 1]) / 2


def _continues(timeline: Timeline, last: int, index: int) -> bool:
    """Whether the mark is still the same after the samples between, which do not show it."""
    if index == last + 1:
        return True
    absent_s = float(timeline.times[index] - timeline.times[last])
    if absent_s <= _BLINK_S:
        return True
    between: Sequence[int] = timeline.shots[last + 1 : index].tolist()
    own = {int(timeline.shots[last]), int(timeline.shots[index])}
    return absent_s <= _UNSEEN_S and not own & set(between)
