"""Which lines a stretch of speech may belong to: those that share rare words or word pairs with it.

The search looks at these lines only, which keeps its cost linear in the length of the film.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

__all__ = ["ALL_LINES_UP_TO", "Seeds"]

ALL_LINES_UP_TO = 2500
"""Script words below which every line is looked at everywhere."""
_COMMON = 12
"""A pair or triple that occurs in more places than this says nothing about where we are."""
_RARE = 4
"""A single word seeds when it stands in at most this many places."""
_BEST = 40
"""Lines taken for their shared words in one stretch of speech."""
_AROUND = 4
"""Lines before and after a taken one that are looked at too: short lines share too little to be found themselves."""
_NEARBY = 64
"""Heard words before and after a stretch whose seeds count for it as well."""


class Seeds:
    """An index of the script's words, pairs and triples by line."""

    def __init__(self, script: Sequence[int], lines: Sequence[int], line_count: int) -> None:
        self._line_count = line_count
        self._everything = len(script) <= ALL_LINES_UP_TO
        self._at: list[dict[tuple[int, ...], list[int]]] = [defaultdict(list) for _ in range(3)]
        for size, index in enumerate(self._at, 1):
            for at in range(len(script) - size + 1):
                index[tuple(script[at : at + size])].append(lines[at])

    def lines_for(self, heard: Sequence[int], start: int, end: int, keep: Sequence[int]) -> np.ndarray:
        """Sorted line numbers worth looking at while hearing ``heard[start:end]``; ``keep`` are taken in any case.

        ``heard`` are script vocabulary ids, or -1 for words the script does not have.
        """
        if self._everything:
            return np.arange(self._line_count)
        votes: defaultdict[int, float] = defaultdict(float)
        for at in range(max(0, start - _NEARBY), min(len(heard), end + _NEARBY)):
            for size, index in enumerate(self._at, 1):
                gram = tuple(heard[at : at + size])
                places = index.get(gram, ()) if len(gram) == size and -1 not in gram else ()
                if 0 < len(places) <= (_RARE if size == 1 else _COMMON):
                    for line in places:
                        votes[line] += size / len(places)
        best = sorted(votes, key=lambda line: -votes[line])[:_BEST]
        near = {line + off for line in (*best, *keep) for off in range(-_AROUND, _AROUND + 1)}
        return np.array(sorted(line for line in near if 0 <= line < self._line_count), dtype=np.intp)
