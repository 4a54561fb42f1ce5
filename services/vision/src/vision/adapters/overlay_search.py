"""Looks for places where different views of a film have the same edges, in stretches of many lengths."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.adapters.gradients import Field, coherence, matched
from vision.adapters.overlay_views import Chunk
from vision.domain.boxes import Box, grown, overlap_of_smaller

__all__ = ["Candidate", "search"]

_POOL = 9
"""Side, in pixels, of the neighbourhood in which views must agree."""
_AGREEMENT = {2: 0.72, 3: 0.6, 4: 0.5}
"""Coherence that a place needs, by the number of views; unrelated views stay below it (measured with shifted views)."""
_MOST_WITNESSES = 20
_LEAST_AREA = 180
_FEWEST_CHUNKS = 3
_PEAK, _PROMINENCE = 0.3, 1.25
"""What a view must give when it is searched for the mark that the other views show."""


@dataclass
class Candidate:
    """A place in the picture, on the reduced frame, that looks overlaid for some of the time."""

    box: Box
    template: Field
    """The mark's gradients in ``box``."""
    strength: float
    """Mean coherence of its pixels, 0..1."""
    views: int
    """Views that show it, each on its own."""
    first: int
    last: int
    """Range of samples it was found in."""


def search(chunks: Sequence[Chunk], progress: Callable[[float], None] = lambda fraction: None) -> list[Candidate]:
    """Candidates of all stretches, the strongest first, one for each place and time."""
    found: list[Candidate] = []
    windows = list(_windows(len(chunks)))
    for number, (start, stop) in enumerate(windows):
        found += _in_window(chunks[start:stop])
        progress((number + 1) / len(windows))
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda item: -item.strength * item.views):
        if not any(_same(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def _windows(count: int) -> Iterator[tuple[int, int]]:
    """All of the film, halves, quarters and so on, each stretch overlapping half of the next."""
    length = count
    while length >= _FEWEST_CHUNKS:
        step = max(1, length // 2)
        starts = list(range(0, count - length + 1, step))
        if starts[-1] + length < count:
            starts.append(count - length)
        yield from ((start, start + length) for start in starts)
        length = length // 2 if length > 2 * _FEWEST_CHUNKS or length == 2 * _FEWEST_CHUNKS else length - 2
    if 2 <= count < _FEWEST_CHUNKS:
        yield 0, count


def _view_fields(chunks: Sequence[Chunk]) -> NDArray[np.float32]:
    """Mean field of each view, ``[views, height, width, 4]``; of many views, means of as many groups as are needed."""
    order = {view: number for number, view in enumerate(dict.fromkeys(chunk.view for chunk in chunks))}
    by_view: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        by_view.setdefault(order[chunk.view] % _MOST_WITNESSES, []).append(chunk)
    fields = []
    for members in by_view.values():
        total = sum(member.field.astype(np.int32) for member in members)
        fields.append(np.asarray(total, np.float32) / (127 * len(members)))
    return np.stack(fields)


def _in_window(chunks: Sequence[Chunk]) -> list[Candidate]:
    if len({chunk.view for chunk in chunks}) < 2:
        return []
    fields = _view_fields(chunks)
    agreement, mean = coherence(fields, _POOL)
    mask = (agreement > _AGREEMENT[min(4, len(fields))]).astype(np.uint8)
    found = []
    for box in _places(mask):
        candidate = _verified(fields, mean, agreement, box, chunks)
        if candidate is not None:
            found.append(candidate)
    return found


def _places(mask: NDArray[np.uint8]) -> list[Box]:
    """Boxes around what belongs together: letters of a line, parts of a logo."""
    mask = _without_bars(mask)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (17, 9)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    boxes: list[Box] = []
    for number in range(1, count):
        x, y, w, h, _ = (int(value) for value in stats[number])
        area = int(mask[y : y + h, x : x + w][labels[y : y + h, x : x + w] == number].sum())
        if area >= _LEAST_AREA and w >= 12 and h >= 8:
            boxes.append((x, y, w, h))
    return sorted(boxes, key=lambda box: -box[2] * box[3])[:40]


def _without_bars(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask without the borders of a letterboxed or pillarboxed picture, which are alike in all its shots."""
    height, width = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    bars = [n for n in range(1, count) if stats[n][2] > 0.8 * width or stats[n][3] > 0.6 * height]
    return np.where(np.isin(labels, bars), 0, mask).astype(np.uint8)


def _verified(
    fields: NDArray[np.float32], mean: Field, agreement: NDArray[np.float32], box: Box, chunks: Sequence[Chunk]
) -> Candidate | None:
    """The candidate, if enough views show it exactly there and nowhere near, without help from the others."""
    height, width = mean.shape[:2]
    x, y, w, h = box
    total = fields[:, y : y + h, x : x + w].sum(axis=0)
    witnesses = 0
    for field in fields:
        own = field[y : y + h, x : x + w]
        template = (total - own) / (len(fields) - 1)
        witnesses += _stands_out(field, template, grown(box, 18, 18, width, height), box)
    if witnesses < max(2, round(0.5 * len(fields))):
        return None
    inside = agreement[y : y + h, x : x + w]
    strength = float(inside[inside > 0.3].mean()) if (inside > 0.3).any() else 0.0
    template = mean[y : y + h, x : x + w].copy()
    return Candidate(box, template, strength, witnesses, chunks[0].first, chunks[-1].last)


def _stands_out(field: Field, template: Field, around: Box, box: Box) -> bool:
    """Whether the template fits best at its own place, and clearly worse a few pixels off in every direction.

    A straight edge of the scene fits all along itself, so it does not stand out.
    """
    place = field[around[1] : around[1] + around[3], around[0] : around[0] + around[2]]
    scores = matched(place, template)
    x, y = box[0] - around[0], box[1] - around[1]
    here = float(scores[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max())
    scores[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5] = -1
    elsewhere = float(scores.max())
    return here >= _PEAK and here >= _PROMINENCE * max(elsewhere, 0.05)


def _same(a: Candidate, b: Candidate) -> bool:
    together = min(a.last, b.last) - max(a.first, b.first)
    return overlap_of_smaller(a.box, b.box) > 0.4 and together > 0
