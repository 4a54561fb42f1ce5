"""Looks for pictures a tenant handed in, by their gradients at many sizes, where the film behind them blurs away.

A picture that is known needs less than one that is not: no cut must prove it, and a camera on a tripod hides it less.
It is searched in the mean field of stretches of many lengths, coarsely at half the size, and then refined.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.adapters.gradients import Field, field_of, matched
from vision.adapters.overlay_presence import presence
from vision.adapters.overlay_search import Candidate
from vision.adapters.overlay_views import Chunk
from vision.adapters.samples import Planes, SampleStore
from vision.domain.boxes import Box, grown, overlap_of_smaller
from vision.domain.presence import Stretch, Timeline, present_samples, stretches

__all__ = ["KnownMark", "LogoPicture", "find_known", "logo_picture"]

_WIDTHS = tuple(0.035 * 1.13**step for step in range(22))
"""Widths that are tried, as shares of the picture's: from a small corner mark to half of it."""
_FINER = (0.9, 0.94, 0.97, 1.0, 1.03, 1.06, 1.1)
_HALF = 2
_LEAST_SIDE = 7
"""Pixels at half size: a smaller logo has no shape."""
_PEAK, _PROMINENCE = 0.42, 1.25
"""What its best place must give, and how much more than any other place."""
_SURE = 0.6
"""What it must give once its size and place are refined: logos that are there give 0.7 and more, others up to 0.53."""
_DEEPEST = 3
"""The film, its halves, quarters and eighths are looked at."""
_MARGIN = 2


@dataclass(frozen=True)
class LogoPicture:
    """A reference picture, cut to what is not transparent."""

    id: UUID
    name: str
    bgr: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    """0..1, all ones for a picture without transparency."""
    _made: dict[int, Field] = field(default_factory=dict)

    @property
    def shape(self) -> float:
        """Height over width."""
        return float(self.bgr.shape[0] / self.bgr.shape[1])

    @property
    def has_outline(self) -> bool:
        """Whether its own edge is part of it; that of a rectangle depends on what is behind."""
        return bool((self.alpha < 0.5).any())

    def template(self, width: int) -> Field:
        """Its gradients at this width, on grey."""
        if width not in self._made:
            self._made[width] = self._drawn(width)
        return self._made[width]

    def _drawn(self, width: int) -> Field:
        height = max(1, round(width * self.shape))
        bgr = cv2.resize(self.bgr, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        alpha = cv2.resize(self.alpha, (width, height), interpolation=cv2.INTER_AREA)[..., None]
        flat = bgr * alpha + 128.0 * (1 - alpha)
        around = cv2.BORDER_CONSTANT if self.has_outline else cv2.BORDER_REPLICATE
        sides = (_MARGIN,) * 4
        padded = cv2.copyMakeBorder(flat, *sides, around, value=(128.0, 128.0, 128.0))
        drawn = field_of(_planes(np.asarray(padded, np.uint8)))
        return np.ascontiguousarray(drawn[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


@dataclass(frozen=True)
class KnownMark:
    """A logo of the tenant's, where and when, on the reduced frame."""

    logo: LogoPicture
    box: Box
    strength: float
    stretches: tuple[Stretch, ...]


def logo_picture(id_: UUID, name: str, path: Path) -> LogoPicture | None:
    """The picture in a file; None if it shows nothing."""
    read = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None:
        return None
    if read.dtype == np.uint16:
        read = (read // 257).astype(np.uint8)
    if read.ndim == 2:
        read = cv2.cvtColor(read, cv2.COLOR_GRAY2BGR)
    alpha = np.ones(read.shape[:2], np.float32)
    if read.shape[2] == 4:
        alpha = np.asarray(read[..., 3], np.float32) / 255
    rows, columns = np.flatnonzero((alpha > 0.1).any(axis=1)), np.flatnonzero((alpha > 0.1).any(axis=0))
    if not rows.size:
        return None
    inside = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return LogoPicture(id_, name, np.ascontiguousarray(read[..., :3][inside]), np.ascontiguousarray(alpha[inside]))


def find_known(
    logos: Sequence[LogoPicture],
    samples: SampleStore,
    timeline: Timeline,
    chunks: Sequence[Chunk],
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[KnownMark]:
    """Where and when each logo is."""
    windows = [(chunks[first:last], _mean(chunks[first:last])) for first, last in _windows(len(chunks))]
    found: list[KnownMark] = []
    for number, logo in enumerate(logos):
        candidates = _places(logo, windows)
        marks: list[KnownMark] = []
        for candidate, fit in zip(candidates, presence(samples, candidates), strict=True):
            seen = tuple(stretches(present_samples(fit, candidate.first, candidate.last), timeline))
            if seen and not any(_same(candidate.box, seen, mark) for mark in marks):
                marks.append(KnownMark(logo, candidate.box, candidate.strength, seen))
        found += marks
        progress((number + 1) / len(logos))
    return found


def _same(box: Box, seen: Sequence[Stretch], mark: KnownMark) -> bool:
    """Whether a mark found in another stretch of the film is this one."""
    together = any(one.start < other.end and other.start < one.end for one in seen for other in mark.stretches)
    return together and overlap_of_smaller(box, mark.box) > 0.3


def _places(logo: LogoPicture, windows: Sequence[tuple[Sequence[Chunk], Field]]) -> list[Candidate]:
    """The best place of each window that is good enough, one for each place and time."""
    kept: list[Candidate] = []
    found = [candidate for part, mean in windows if (candidate := _in_window(logo, part, mean)) is not None]
    for candidate in sorted(found, key=lambda item: -item.strength):
        together = [other for other in kept if min(candidate.last, other.last) > max(candidate.first, other.first)]
        if not any(overlap_of_smaller(candidate.box, other.box) > 0.3 for other in together):
            kept.append(candidate)
    return kept


def _windows(count: int) -> Iterator[tuple[int, int]]:
    """All of the chunks, halves, quarters and eighths, each overlapping half of the next."""
    for depth in range(_DEEPEST + 1):
        length = -(-count // 2**depth)
        if count == 0 or (depth and length < 2):
            return
        step = max(1, length // 2)
        starts = list(range(0, count - length + 1, step))
        if starts[-1] + length < count:
            starts.append(count - length)
        yield from ((start, start + length) for start in starts)


def _mean(chunks: Sequence[Chunk]) -> Field:
    """The mean field, each view counting the same."""
    by_view: dict[int, tuple[NDArray[np.float32], int]] = {}
    for chunk in chunks:
        total, count = by_view.get(chunk.view, (np.float32(0), 0))
        by_view[chunk.view] = (np.asarray(total + chunk.mean(), np.float32), count + 1)
    fields = [total / count for total, count in by_view.values()]
    return np.asarray(sum(fields) / len(fields), np.float32)


def _in_window(logo: LogoPicture, chunks: Sequence[Chunk], mean: Field) -> Candidate | None:
    height, width = mean.shape[:2]
    half = np.asarray(cv2.resize(mean, (width // _HALF, height // _HALF), interpolation=cv2.INTER_AREA), np.float32)
    best: tuple[float, int, Box] | None = None
    for share in _WIDTHS:
        across = round(width * share)
        template = logo.template(max(1, across // _HALF))
        tall, wide = template.shape[:2]
        if min(tall, wide) < _LEAST_SIDE or tall >= half.shape[0] or wide >= half.shape[1]:
            continue
        scores = matched(half, template)
        peak, box = _peak(scores, template)
        if best is None or peak > best[0]:
            best = (peak, across, box)
    if best is None or best[0] < _PEAK:
        return None
    return _refined(logo, chunks, mean, best[1], best[2])


def _peak(scores: NDArray[np.float32], template: Field) -> tuple[float, Box]:
    """The best score and its box; nought where another place is nearly as good."""
    _, top, _, (x, y) = cv2.minMaxLoc(scores)
    h, w = template.shape[:2]
    elsewhere = scores.copy()
    elsewhere[max(0, y - h // 2) : y + h // 2 + 1, max(0, x - w // 2) : x + w // 2 + 1] = 0
    stands_out = top >= _PROMINENCE * max(0.05, float(elsewhere.max()))
    return (float(top) if stands_out else 0.0), (x, y, w, h)


def _refined(logo: LogoPicture, chunks: Sequence[Chunk], mean: Field, across: int, coarse: Box) -> Candidate | None:
    """Its exact size and place, at full size."""
    height, width = mean.shape[:2]
    x, y, w, h = (side * _HALF for side in coarse)
    around = grown((x, y, w, h), max(6, w // 8), max(6, h // 8), width, height)
    place = mean[around[1] : around[1] + around[3], around[0] : around[0] + around[2]]
    best: tuple[float, Box, Field] | None = None
    for factor in _FINER:
        template = logo.template(max(1, round(across * factor)))
        if template.shape[0] > place.shape[0] or template.shape[1] > place.shape[1]:
            continue
        scores = matched(place, template)
        _, top, _, (left, upper) = cv2.minMaxLoc(scores)
        if best is None or top > best[0]:
            box = (around[0] + left, around[1] + upper, template.shape[1], template.shape[0])
            best = (float(top), box, template)
    if best is None or best[0] < _SURE:
        return None
    return Candidate(best[1], best[2], best[0], 1, chunks[0].first, chunks[-1].last)


def _planes(bgr: NDArray[np.uint8]) -> Planes:
    """As samples are: luma, and how much redder than blue."""
    luma, red, blue = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))
    return np.asarray(cv2.merge([luma, cv2.addWeighted(red, 0.5, blue, -0.5, 128.0)]), np.uint8)
