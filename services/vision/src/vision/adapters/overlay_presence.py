"""In which samples a candidate is there, and how far it reaches exactly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.adapters.gradients import Field, coherence_of_any_plane, field_of
from vision.adapters.overlay_search import Candidate
from vision.adapters.samples import Planes, SampleStore
from vision.domain.boxes import Box, clipped, grown

__all__ = ["Outline", "outline", "presence"]

_TIGHT = {2: 0.8, 3: 0.6, 4: 0.5}
"""Coherence that a pixel of the mark's outline needs, by the number of views."""
_MOST_LOOKS = 160
"""Samples from which an outline is drawn."""
_REACH = 14
"""Pixels that a mark may reach beyond the place where it was found."""
_PIECE = 0.1
"""A piece apart from the largest belongs to the mark when it has this share of its gradients."""
_TRACE = 0.12
"""Share of the strongest row or column that still counts."""
_BLUR = 1
"""Pixels by which blurring and the gradient spread an edge."""


def presence(
    samples: SampleStore, candidates: Sequence[Candidate], progress: Callable[[float], None] = lambda fraction: None
) -> NDArray[np.float32]:
    """How well each candidate's template fits each sample in its place, ``[candidates, samples]``, -1..1."""
    scores = np.zeros((len(candidates), len(samples)), np.float32)
    sizes = [float(np.sqrt((candidate.template**2).sum())) + 1e-6 for candidate in candidates]
    for index in range(len(samples) if candidates else 0):
        picture = samples[index]
        for number, candidate in enumerate(candidates):
            field = _inside(picture, candidate.box)
            size = float(np.sqrt(np.vdot(field, field))) + 1e-6
            scores[number, index] = float(np.vdot(field, candidate.template)) / (size * sizes[number])
        progress((index + 1) / len(samples))
    return scores


def _inside(picture: Planes, box: Box) -> Field:
    """The gradient field in a box, with what lies around it taken into account."""
    around = grown(box, 2, 2, picture.shape[1], picture.shape[0])
    x, y = box[0] - around[0], box[1] - around[1]
    return np.ascontiguousarray(field_of(_cut(picture, around))[y : y + box[3], x : x + box[2]])


def _cut(picture: Planes, box: Box) -> Planes:
    return np.ascontiguousarray(picture[box[1] : box[1] + box[3], box[0] : box[0] + box[2]])


@dataclass
class Outline:
    """A mark's exact place and what it looks like there."""

    box: Box
    template: Field
    strength: float
    look: NDArray[np.uint8]
    """Mean picture around ``box``, where the film behind it blurs away; for reading what it says."""


def outline(samples: SampleStore, candidate: Candidate, present: Sequence[int], views: Sequence[int]) -> Outline:
    """Draw the candidate again from the samples that show it, each view counting the same."""
    height, width = samples[0].shape[:2]
    reach = (max(24, candidate.box[2] // 3), max(20, candidate.box[3] // 2))
    around = grown(candidate.box, *reach, width, height)
    step = max(1, len(present) // _MOST_LOOKS)
    sums: dict[int, tuple[NDArray[np.float32], int]] = {}
    look = np.zeros((around[3], around[2]), np.float32)
    for index in present[::step]:
        picture = _cut(samples[index], around)
        total, count = sums.get(views[index], (np.float32(0), 0))
        sums[views[index]] = (np.asarray(total + field_of(picture), np.float32), count + 1)
        look += picture[..., 0]
    fields = np.stack([np.asarray(total / count, np.float32) for total, count in sums.values()])
    if len(fields) < 2:
        return Outline(candidate.box, candidate.template, candidate.strength, look.astype(np.uint8))
    agreement, mean = coherence_of_any_plane(fields, 5)
    seed = (candidate.box[0] - around[0], candidate.box[1] - around[1], candidate.box[2], candidate.box[3])
    inner = _tight(agreement, mean, seed, len(fields))
    x, y, w, h = inner
    box = (x + around[0], y + around[1], w, h)
    inside = agreement[y : y + h, x : x + w]
    strong = inside[inside > 0.3]
    picture_of = _stretched(look)[y : y + h, x : x + w]
    return Outline(box, mean[y : y + h, x : x + w].copy(), float(strong.mean()) if strong.size else 0.0, picture_of)


def _tight(agreement: NDArray[np.float32], mean: Field, seed: Box, views: int) -> Box:
    """The box around the pixels that agree and belong to the seed, joined from nearby pieces."""
    size = np.sqrt((mean**2).sum(axis=2))
    mask = ((agreement > _TIGHT[min(4, views)]) & (size > 0.12)).astype(np.uint8)
    mask = _without_through_lines(mask)
    near = grown(seed, _REACH, _REACH, mask.shape[1], mask.shape[0])
    limited = np.zeros_like(mask)
    inside = slice(near[1], near[1] + near[3]), slice(near[0], near[0] + near[2])
    limited[inside] = mask[inside]
    closed = cv2.morphologyEx(limited, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (13, 9)))
    energy = size * limited
    count, labels = cv2.connectedComponents(closed)
    weights = np.bincount(labels.ravel(), energy.ravel(), count)
    weights[0] = 0
    if not weights.any():
        return seed
    kept = np.isin(labels, np.flatnonzero(weights >= _PIECE * weights.max())) * energy
    left, right = _bounds(kept.sum(axis=0))
    top, bottom = _bounds(kept.sum(axis=1))
    box = (left + _BLUR, top + _BLUR, right - left - 2 * _BLUR, bottom - top - 2 * _BLUR)
    return clipped(box, mean.shape[1], mean.shape[0])


def _bounds(profile: NDArray[np.float32]) -> tuple[int, int]:
    """Where the profile's main part begins and ends; traces of the film beside it are left out."""
    strong = np.flatnonzero(profile >= _TRACE * profile.max())
    pieces = np.split(strong, np.flatnonzero(np.diff(strong) > _REACH) + 1)
    main = max(pieces, key=lambda piece: float(profile[piece].sum()))
    return int(main[0]), int(main[-1]) + 1


def _without_through_lines(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask without what runs from one side to the other: borders of a letterboxed picture, and horizons."""
    height, width = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    through = [n for n in range(1, count) if stats[n][2] >= width - 2 or stats[n][3] >= height - 2]
    return np.where(np.isin(labels, through), 0, mask).astype(np.uint8)


def _stretched(look: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = (float(value) for value in np.percentile(look, (1, 99)))
    return np.asarray(np.clip((look - low) * 255 / max(1.0, high - low), 0, 255), np.uint8)
