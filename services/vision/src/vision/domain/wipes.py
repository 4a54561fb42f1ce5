"""Wipes: every frame between two shots is put together from pieces of the two, with more and more of the second.

A pan or a moving object is no wipe, because it shows what neither of the two pictures has. TransNetV2 was not trained
on wipes and misses them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.domain.pictures import Pictures

__all__ = ["find_wipes"]

_LENGTHS = (6, 9, 13, 19, 27)
"""Frames from the last of the old shot to the first of the new that are tried."""
_RESIDUAL = 0.15
"""Share of the exchange that neither picture explains, per frame; wipes of set A stay under 0.09, motion over 0.23."""
_EXCHANGED = 20.0
_COVERED = 0.6
"""Share of the picture that must be exchanged."""
_BLOCK = 2048


def find_wipes(pictures: Pictures, known: Sequence[int]) -> list[tuple[int, float]]:
    """Middle frames of wipes and their scores, away from the boundaries already ``known``."""
    taken = np.zeros(len(pictures) + 1, bool)
    for frame in known:
        taken[max(0, frame - 1) : frame + 2] = True
    found: list[tuple[float, int, int]] = []
    for length in _LENGTHS:
        for first in _candidates(pictures, length):
            last = first + length
            if not taken[first : last + 1].any():
                residual = _residual(pictures, first, last)
                if residual < _RESIDUAL:
                    found.append((residual, first, last))
    kept: list[tuple[int, float]] = []
    for residual, first, last in sorted(found):
        middle = (first + last + 1) // 2
        if all(abs(middle - other) > max(_LENGTHS) for other, _ in kept):
            kept.append((middle, round(0.9 - 2 * residual, 3)))
    return kept


def _candidates(pictures: Pictures, length: int) -> list[int]:
    """First frames of pairs that differ almost everywhere and whose middle frame is made of pieces of both."""
    found: list[int] = []
    total = len(pictures) - length
    for start in range(0, total, _BLOCK):
        stop = min(total, start + _BLOCK)
        before = pictures.tiny[start:stop].astype(np.float32)
        after = pictures.tiny[start + length : stop + length].astype(np.float32)
        middle = pictures.tiny[start + length // 2 : stop + length // 2].astype(np.float32)
        exchanged = np.abs(before - after)
        size = exchanged.mean(axis=(1, 2, 3))
        covered = (exchanged.mean(axis=3) > 10).mean(axis=(1, 2))
        pieces = np.minimum(np.abs(middle - before), np.abs(middle - after)).mean(axis=(1, 2, 3))
        good = (size > _EXCHANGED) & (covered > _COVERED) & (pieces < _RESIDUAL * size)
        found += [start + int(index) for index in np.flatnonzero(good)]
    return found


def _residual(pictures: Pictures, first: int, last: int) -> float:
    """The worst frame's share that neither end explains; 1 when the second does not gain steadily."""
    if pictures.likeness(first, last) > 0.5 or pictures.solid((first, last)):
        return 1.0
    film: NDArray[np.float32] = pictures.tiny[first : last + 1].astype(np.float32)
    before, after, between = film[0], film[-1], film[1:-1]
    exchange = after - before
    size = float(np.abs(exchange).mean())
    shares = ((between - before) * exchange).sum(axis=(1, 2, 3)) / float((exchange**2).sum())
    steps = np.diff(np.concatenate([[0.0], shares, [1.0]]))
    if steps.min() < -0.05 or steps.max() > 0.6 or ((shares > 0.05) & (shares < 0.95)).sum() < 2:
        return 1.0
    pieces = np.minimum(np.abs(between - before), np.abs(between - after)).mean(axis=(1, 2, 3)) / size
    blend = np.abs(between - before - shares[:, None, None, None] * exchange).mean(axis=(1, 2, 3)) / size
    if float(pieces.max()) > 0.5 * float(blend.max()):  # a blend, not pieces: leave it to the net
        return 1.0
    return float(pieces.max())
