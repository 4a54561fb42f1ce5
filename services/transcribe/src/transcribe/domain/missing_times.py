"""Times for words that an aligner could not place."""

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["between_neighbours"]


def between_neighbours(
    times: Sequence[tuple[float, float] | None], *, start: float, end: float
) -> list[tuple[float, float]]:
    """Give words without a time equal shares of the gap between their nearest placed neighbours.

    Args:
        times: ``(start, end)`` in seconds per word of a passage, None where the aligner gave up (digits, symbols).
        start: of the passage, in seconds.
        end: of the passage, in seconds.
    """
    placed = [index for index, time in enumerate(times) if time is not None]
    filled = [time or (start, end) for time in times]
    for before, after in pairwise([-1, *placed, len(times)]):
        left = start if before < 0 else filled[before][1]
        right = end if after == len(times) else filled[after][0]
        count = after - before - 1
        share = max(right - left, 0.0) / count if count else 0.0
        for place in range(count):
            filled[before + 1 + place] = (left + place * share, left + (place + 1) * share)
    return filled
