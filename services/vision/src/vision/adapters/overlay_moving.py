"""Finds marks that wander over the picture.

At a cut everything changes but what is laid over the film. So the two frames around a cut are compared, allowing for a
few pixels of movement, and what they share is followed away from the cut on both sides. Followed long enough, the film
behind a real mark averages away, and the mark drawn from one side of the cut is the mark drawn from the other; a chance
likeness falls apart. A moving mark that no cut crosses is not found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.adapters.gradients import Field, coherence, field_of, matched
from vision.adapters.samples import Planes, SampleStore, Selection
from vision.domain.boxes import Box, clipped
from vision.domain.presence import Timeline

__all__ = ["MovingMark", "find_moving_marks"]

_MOST_CUTS = 40
_SHIFT = 4
"""Half-size pixels that a mark may move from one frame to the next."""
_POOL = 17
_GUESSES = 10
_PATCH = 44
"""Side of what is followed first, in pixels of the reduced frame; the mark's own box is drawn later."""
_NEAR, _FAR = 26, 46
"""Pixels searched around the expected place, and around the first."""
_FIT = 0.42
_STEPS = 12
_AGREED = 0.75
"""Likeness of the marks drawn from the two sides of a cut: 0.82 to 0.94 for real ones, below 0.7 by chance."""
_SELF_LIKENESS = 0.5
"""Real marks that move stay below 0.25."""
_MOVED = 14.0
_MOVED_EACH = 4.0
"""Pixels travelled on both sides together, and on each."""


@dataclass
class MovingMark:
    """A mark with its centre at each sample it is seen in, on the reduced frame."""

    points: dict[int, tuple[float, float]]
    size: tuple[int, int]
    template: Field
    strength: float
    look: NDArray[np.uint8]
    shots: set[int] = field(default_factory=set)

    def box(self, sample: int) -> Box:
        """Where it is in a sample."""
        x, y = self.points[sample]
        return round(x - self.size[0] / 2), round(y - self.size[1] / 2), *self.size


@dataclass
class _Trail:
    points: dict[int, tuple[float, float]]
    template: Field
    own: Field
    """The mean of what was found, without what was looked for."""


def find_moving_marks(
    samples: SampleStore,
    cuts: Selection,
    timeline: Timeline,
    frame_times: Callable[[int], float],
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[MovingMark]:
    """Marks that move. ``cuts`` holds the frames before and after each cut, in pairs."""
    marks: list[MovingMark] = []
    pairs = range(0, len(cuts) - 1, 2)
    chosen = pairs[:: max(1, -(-len(pairs) // _MOST_CUTS))] if len(pairs) else []
    for number, index in enumerate(chosen):
        after = int(np.searchsorted(timeline.times, frame_times(cuts.frames[index + 1]) - 1e-6))
        known = [mark for mark in marks if after in mark.points or after - 1 in mark.points]
        if not known and 0 < after < len(samples):
            mark = _at_cut(samples, cuts[index], cuts[index + 1], after, timeline)
            if mark is not None:
                marks.append(mark)
        progress((number + 1) / len(chosen))
    return marks


def _at_cut(samples: SampleStore, before: Planes, behind: Planes, after: int, timeline: Timeline) -> MovingMark | None:
    """The best mark that the two frames around a cut share and that can be followed on both sides."""
    first, second = field_of(before), field_of(behind)
    for x, y, shift_x, shift_y in _guesses(before, behind):
        ahead = range(after, min(after + _STEPS, len(samples)))
        back = range(after - 1, max(-1, after - 1 - _STEPS), -1)
        for patch, one, other in (
            (_patch(first, x - shift_x, y - shift_y), back, ahead),
            (_patch(second, x, y), ahead, back),
        ):
            trails = _both_sides(samples, patch, (x, y), one, other)
            mark = _whole(samples, *trails, timeline) if trails else None
            if mark is not None:
                return mark
    return None


def _both_sides(
    samples: SampleStore, patch: Field | None, start: tuple[float, float], one: Sequence[int], other: Sequence[int]
) -> tuple["_Trail", "_Trail"] | None:
    """Follow a patch on one side of a cut until the film behind it averages away, then what is left on the other."""
    near = _follow(samples, one, start, patch) if patch is not None else None
    if near is None or len(near.points) < _STEPS // 2:
        return None
    far = _follow(samples, other, start, near.template, weight=_STEPS)
    if far is None or len(far.points) < _STEPS // 2:
        return None
    ways = _travelled(near), _travelled(far)
    if sum(ways) < _MOVED or min(ways) < _MOVED_EACH:
        return None
    if not _is_distinct(near.template):
        return None
    margin = np.pad(near.template, ((4, 4), (4, 4), (0, 0)))
    return (near, far) if float(matched(margin, far.own).max()) >= _AGREED else None


def _is_distinct(template: Field) -> bool:
    """Whether it fits itself in one place only. A straight edge fits along all its length, whatever it belongs to."""
    scores = matched(np.pad(template, ((12, 12), (12, 12), (0, 0))), template)
    scores[8:17, 8:17] = -1
    return float(scores.max()) < _SELF_LIKENESS


def _guesses(before: Planes, behind: Planes) -> list[tuple[int, int, int, int]]:
    """Places ``(x, y)`` in the second frame, and how far they moved since the first, that the two may share."""
    best, shift = _shared(_half_size(before), _half_size(behind))
    margin = _PATCH // 4 + _SHIFT
    best[:margin] = best[-margin:] = best[:, :margin] = best[:, -margin:] = -1
    found = []
    for _ in range(_GUESSES):
        y, x = (int(value) for value in np.unravel_index(int(best.argmax()), best.shape))
        dx, dy = (value - _SHIFT for value in divmod(int(shift[y, x]), 2 * _SHIFT + 1))
        found.append((2 * x, 2 * y, 2 * dx, 2 * dy))
        best[max(0, y - 13) : y + 14, max(0, x - 13) : x + 14] = -1
    return found


def _half_size(picture: Planes) -> list[NDArray[np.float32]]:
    """The two parts of the luma's gradients, on the picture at half its size."""
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    luma = field_of(np.asarray(small, np.uint8))[..., :2]
    return [np.ascontiguousarray(luma[..., part]) for part in range(2)]


def _shared(
    first: list[NDArray[np.float32]], second: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """How alike the surroundings of each pixel are at the best movement, and the number of that movement."""
    pool = (_POOL, _POOL)
    weights = [cv2.boxFilter(x[0] * x[0] + x[1] * x[1], -1, pool) / 2 + 0.01 for x in (first, second)]
    wide = [np.pad(np.asarray(part, np.float32), _SHIFT) for part in (*first, weights[0])]
    height, width = second[0].shape
    best, shift = np.full((height, width), -1, np.float32), np.zeros((height, width), np.uint8)
    for number in range((2 * _SHIFT + 1) ** 2):
        dx, dy = divmod(number, 2 * _SHIFT + 1)
        # A part moved by (d - _SHIFT) is the widened one, read from 2 * _SHIFT - d on.
        rows, columns = (
            slice(2 * _SHIFT - dy, 2 * _SHIFT - dy + height),
            slice(2 * _SHIFT - dx, 2 * _SHIFT - dx + width),
        )
        across, down, weight = (np.ascontiguousarray(part[rows, columns]) for part in wide)
        product = cv2.add(cv2.multiply(across, second[0]), cv2.multiply(down, second[1]))
        score = cv2.divide(cv2.boxFilter(product, -1, pool), cv2.add(weight, weights[1]))
        better = score > best
        np.copyto(best, score, where=better)
        shift[better] = number
    return best, shift


def _patch(picture: Field, x: float, y: float, side: int = _PATCH) -> Field | None:
    left, top = round(x - side / 2), round(y - side / 2)
    if left < 0 or top < 0 or left + side > picture.shape[1] or top + side > picture.shape[0]:
        return None
    return picture[top : top + side, left : left + side].copy()


def _follow(
    samples: SampleStore, order: Sequence[int], start: tuple[float, float], template: Field, *, weight: int = 1
) -> _Trail | None:
    """Follow a patch from sample to sample; None when it is lost within three."""
    points: dict[int, tuple[float, float]] = {}
    place, speed, mean, reach, missed = start, (0.0, 0.0), template, _FAR, 0
    own = np.zeros_like(template)
    for index in order:
        expected = (place[0] + speed[0] * (missed + 1), place[1] + speed[1] * (missed + 1))
        found = _find(samples[index], expected, mean, reach)
        if found is None or found[2] < _FIT:
            missed += 1
            if missed > 2:
                break
            continue
        x, y, _, patch = found
        if points:
            speed = ((x - place[0]) / (missed + 1), (y - place[1]) / (missed + 1))
        place, missed, reach = (x, y), 0, _NEAR if points else reach
        points[index] = place
        mean = np.asarray(mean + (patch - mean) / min(weight + len(points), _STEPS + weight), np.float32)
        own += patch
    return _Trail(points, mean, np.asarray(own / max(1, len(points)), np.float32)) if len(points) >= 3 else None


def _find(
    picture: Planes, expected: tuple[float, float], template: Field, reach: int
) -> tuple[float, float, float, Field] | None:
    """Centre, fit and patch of the best match around the expected centre."""
    height, width = picture.shape[:2]
    h, w = template.shape[:2]
    window = clipped(
        (round(expected[0] - w / 2) - reach, round(expected[1] - h / 2) - reach, w + 2 * reach, h + 2 * reach),
        width,
        height,
    )
    if window[2] < w or window[3] < h:
        return None
    area = field_of(np.ascontiguousarray(picture[window[1] : window[1] + window[3], window[0] : window[0] + window[2]]))
    scores = matched(area, template)
    y, x = (int(value) for value in np.unravel_index(int(scores.argmax()), scores.shape))
    return window[0] + x + w / 2, window[1] + y + h / 2, float(scores[y, x]), area[y : y + h, x : x + w]


def _travelled(trail: _Trail) -> float:
    xs, ys = zip(*trail.points.values(), strict=True)
    return float(np.hypot(max(xs) - min(xs), max(ys) - min(ys)))


def _whole(samples: SampleStore, near: _Trail, far: _Trail, timeline: Timeline) -> MovingMark | None:
    """Draw the mark's own box from the samples where it is known, then follow it to both its ends."""
    points = {**near.points, **far.points}
    drawn = _draw(samples, points, _PATCH)
    if drawn is None or not _is_distinct(drawn[2]):
        return None
    offset, size, template, strength = drawn
    centre = {index: (x + offset[0], y + offset[1]) for index, (x, y) in points.items()}
    first, last = min(centre), max(centre)
    onwards = _follow(samples, range(last, len(samples)), centre[last], template, weight=_STEPS)
    backwards = _follow(samples, range(first, -1, -1), centre[first], template, weight=_STEPS)
    for trail in (onwards, backwards):
        if trail is not None:
            centre.update({index: point for index, point in trail.points.items() if index not in centre})
    shots = {int(timeline.shots[index]) for index in centre}
    x, y = centre[last]
    left, top = max(0, round(x - size[0] / 2)), max(0, round(y - size[1] / 2))
    look = samples[last][top : top + size[1], left : left + size[0], 0]
    return MovingMark(dict(sorted(centre.items())), size, template, strength, look, shots)


def _draw(
    samples: SampleStore, points: dict[int, tuple[float, float]], side: int
) -> tuple[tuple[float, float], tuple[int, int], Field, float] | None:
    """Lay all sightings over each other and see how far they agree: offset of the centre, size, template, strength."""
    reach = 3 * side
    stack = []
    for index, (x, y) in points.items():
        picture = samples[index]
        padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        left, top = round(x - reach / 2) + reach, round(y - reach / 2) + reach
        patch = _patch(
            field_of(padded[top - 2 : top + reach + 2, left - 2 : left + reach + 2]),
            reach / 2 + 2,
            reach / 2 + 2,
            reach,
        )
        if patch is not None:
            stack.append(patch)
    agreement, mean = coherence(np.stack(stack), 5)
    mask = ((agreement > 0.35) & (np.sqrt((mean**2).sum(axis=2)) > 0.12)).astype(np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, labels = cv2.connectedComponents(closed)
    middle = labels[reach // 2 - side // 2 : reach // 2 + side // 2, reach // 2 - side // 2 : reach // 2 + side // 2]
    weights = np.bincount(middle.ravel(), minlength=count)
    weights[0] = 0
    if not weights.any():
        return None
    ys, xs = np.nonzero((labels == int(weights.argmax())) & (mask > 0))
    if not len(xs):
        return None
    left, right, top, bottom = int(xs.min()) + 1, int(xs.max()), int(ys.min()) + 1, int(ys.max())
    unbounded = left <= 3 or top <= 3 or right >= reach - 3 or bottom >= reach - 3
    if unbounded or right - left < 12 or bottom - top < 8:
        return None
    offset = ((left + right) / 2 - reach / 2, (top + bottom) / 2 - reach / 2)
    inside = agreement[top:bottom, left:right]
    strong = inside[inside > 0.3]
    return offset, (right - left, bottom - top), mean[top:bottom, left:right].copy(), float(strong.mean())
