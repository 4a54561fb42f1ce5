"""The moved rule: a line is moved when it can be left out of the longest in-order reading of the film."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence

__all__ = ["out_of_order"]


def out_of_order(times: Mapping[int, Sequence[float]]) -> set[int]:
    """Lines that are not in every longest rising sequence of (line, time).

    ``times``: by line, when its takes begin; a line with several takes may use any one of them. Both lines of a
    swapped pair are moved, since either could be the one in order; a line taken far away is moved alone.
    """
    # A line's later takes come first, so that no rising sequence holds two takes of one line, read either way.
    points = [(line, time) for line in sorted(times) for time in sorted(times[line], reverse=True)]
    rising = _lengths([time for _, time in points])
    falling = _lengths([-time for _, time in reversed(points)])[::-1]
    longest = max(rising, default=0)
    levels: defaultdict[int, set[int]] = defaultdict(set)
    for (line, _), up, down in zip(points, rising, falling, strict=True):
        if up + down - 1 == longest:
            levels[up].add(line)
    in_every = {line for lines in levels.values() if len(lines) == 1 for line in lines}
    return set(times) - in_every


def _lengths(values: Sequence[float]) -> list[int]:
    """For each value, the length of the longest strictly rising subsequence that ends with it (patience sorting)."""
    tails: list[float] = []
    lengths = []
    for value in values:
        place = bisect_left(tails, value)
        if place == len(tails):
            tails.append(value)
        else:
            tails[place] = value
        lengths.append(place + 1)
    return lengths
