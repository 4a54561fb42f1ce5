"""From scores and pictures to the places where one shot ends and the next begins.

TransNetV2 says *that* something happened; the change between tiny pictures says *where* exactly, and tells a cut from
a flash (the old picture comes back) and from a change of light (the same picture, brighter). Thresholds were set on
the evaluation set A (docs/accuracy.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision.domain.pictures import SOLID_SPREAD, Pictures
from vision.domain.wipes import find_wipes

__all__ = ["Boundary", "Scores", "find_boundaries", "find_hard_cuts", "hinted_scores"]

Transition = Literal["cut", "dissolve", "fade"]

_SURE = 0.4
"""The net's word is enough for a hard cut when the picture jumps as well."""
_HINT = 0.33
"""The net's peak inside a dissolve or fade."""
_PART = 0.3
"""Many-hot score of a frame inside a transition."""
_JUMP = 25.0
"""Change (0..255) that is a cut without the net's word, when nothing of the old picture is left."""
_FLASH = 4
"""Plain frames, at most, after which the same picture comes back from a flash and not from a fade."""
_STILL_JUMP = 6.0
"""Change between two stills that is a jump cut."""


@dataclass(frozen=True)
class Scores:
    """Per frame, 0..1: ``one`` peaks at a transition (at a cut: on the old shot's last frame), ``many`` covers it."""

    one: NDArray[np.float32]
    many: NDArray[np.float32]


@dataclass(frozen=True, order=True)
class Boundary:
    """``frame`` is the first of the new shot; of a gradual change, the frame in its middle."""

    frame: int
    transition: Transition
    score: float


def hinted_scores(pictures: Pictures, cuts: Sequence[int]) -> Scores:
    """Scores for a detector that knows cuts alone: sure there, and at plain pictures, where a fade would be."""
    one, many = np.zeros(len(pictures), np.float32), np.zeros(len(pictures), np.float32)
    for cut in cuts:
        one[max(0, cut - 1)] = 0.6
    for start, end in _runs(pictures.spread < SOLID_SPREAD, join=0):
        many[max(0, start - 4) : end + 4] = 0.6
        one[start : end + 1] = 0.5
    return Scores(one, many)


def find_boundaries(pictures: Pictures, scores: Scores) -> list[Boundary]:
    """All shot boundaries in order, none at frame 0."""
    cuts = find_hard_cuts(pictures, scores)
    soft = _gradual(pictures, scores, [cut.frame for cut in cuts])
    soft += [
        Boundary(frame, "dissolve", score) for frame, score in find_wipes(pictures, [b.frame for b in (*cuts, *soft)])
    ]
    return sorted([*cuts, *soft])


def find_hard_cuts(pictures: Pictures, scores: Scores) -> list[Boundary]:
    """Frames where the picture is exchanged between two frames."""
    found: list[Boundary] = []
    for frame in np.flatnonzero(pictures.change >= _STILL_JUMP):
        score = _cut_score(pictures, scores, int(frame))
        if score:
            found.append(Boundary(int(frame), "cut", round(score, 3)))
    return found


def _cut_score(pictures: Pictures, scores: Scores, frame: int) -> float:
    """How sure a hard cut at ``frame`` is; 0 when it is none."""
    change = pictures.change
    here = float(change[frame])
    around = np.concatenate([change[max(1, frame - 7) : frame], change[frame + 1 : frame + 8]])
    usual = float(np.median(around)) if len(around) else 0.0
    if here < float(change[max(1, frame - 1) : frame + 2].max()) or here < 2 * (usual + 1):
        return 0.0
    pairs = [(frame - back, frame + ahead) for back in (1, 2, 3) for ahead in (0, 1, 2) if frame + ahead < len(change)]
    exchanged = min(pictures.difference(a, b) for a, b in pairs)
    alike = max(pictures.likeness(a, b) for a, b in pairs)
    motion = max(pictures.difference(frame - 3, frame - 1), pictures.difference(frame, frame + 2))
    told = float(scores.one[max(0, frame - 2) : frame + 1].max())
    if exchanged < 0.5 * here:  # the old picture comes back: a flash
        return 0.0
    if told >= _SURE and alike < 0.95 and exchanged >= 0.7 * (motion + 1):
        return told
    if told >= 0.02 and here >= 2.5 * (usual + 1) and exchanged >= max(_JUMP, 0.8 * (motion + 1)) and alike <= 0.7:
        return max(told, 0.5)
    if exchanged >= 5 * (motion + 1) and alike < 0.97 and pictures.relit(frame - 1, frame) > 0.6:
        return max(told, 0.3)
    return 0.0


def _runs(flags: NDArray[np.bool_], join: int) -> list[tuple[int, int]]:
    """Stretches ``[start, end)`` of true values, joined over gaps of up to ``join``."""
    runs: list[tuple[int, int]] = []
    for index in np.flatnonzero(flags):
        if runs and index - runs[-1][1] <= join:
            runs[-1] = (runs[-1][0], int(index) + 1)
        else:
            runs.append((int(index), int(index) + 1))
    return runs


def _gradual(pictures: Pictures, scores: Scores, cuts: Sequence[int]) -> list[Boundary]:
    """Dissolves and fades the net sees."""
    inside = (scores.one >= 0.15) | (scores.many >= _PART)
    for cut in cuts:
        inside[max(0, cut - 2) : cut + 2] = False
    found: list[Boundary] = []
    for start, end in _joined_over_solid(pictures, _runs(inside, join=2)):
        peak = float(scores.one[start:end].max())
        if end - start < 3 or peak < _HINT or float(scores.many[start:end].max()) < 0.5:
            continue
        boundary = _middle(pictures, scores, start, end, _neighbours(cuts, start, end, len(pictures)))
        if boundary is not None:
            found.append(boundary)
    return found


def _joined_over_solid(pictures: Pictures, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A fade out, the plain colour and the fade in are one transition."""
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined:
            gap = range(joined[-1][1], start)
            if len(pictures.solid(gap)) >= 0.5 * len(gap) and len(gap) <= 250:
                joined[-1] = (joined[-1][0], end)
                continue
        joined.append((start, end))
    return joined


def _neighbours(cuts: Sequence[int], start: int, end: int, length: int) -> tuple[int, int]:
    """First and last frame between the cuts around ``[start, end)``."""
    before = max((cut for cut in cuts if cut <= start + 1), default=0)
    after = min((cut for cut in cuts if cut >= end - 1), default=length)
    return before, after - 1


def _middle(pictures: Pictures, scores: Scores, start: int, end: int, between: tuple[int, int]) -> Boundary | None:
    """Where a gradual change belongs; None when the film begins or ends with it, or the picture stays the same."""
    peak = float(scores.one[start:end].max())
    plain = pictures.solid(range(max(0, start - 3), min(len(pictures), end + 3)))
    if plain and (plain[0] == 0 or len(pictures.solid(range(start))) == start):
        return None
    if plain and len(pictures.solid(range(max(plain), len(pictures)))) == len(pictures) - max(plain):
        return None
    if plain:
        flash = len(plain) <= _FLASH and pictures.likeness(plain[0] - 1, plain[-1] + 1) > 0.8
        return None if flash else Boundary((plain[0] + plain[-1]) // 2, "fade", round(peak, 3))
    if pictures.likeness(max(between[0], start - 3), min(between[1], end + 2)) > 0.9:
        return None
    frames = np.arange(start, end)
    weights = scores.one[start:end]
    middle = round(float((frames * weights).sum() / weights.sum())) + 1
    return Boundary(max(1, middle), "dissolve", round(peak, 3))
