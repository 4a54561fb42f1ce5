"""Find lines that were said in other words: speech in no line is compared, by meaning, with lines that are unspoken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Embed", "Gap", "Restated", "Unit", "restated_lines"]

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Sentences to unit vectors, one row each."""

_LEAST_ALIKE, _SURELY_ALIKE = 0.42, 0.62
"""Cosines under which two sentences are never the same in other words, and over which a subject in common does not
explain them."""
_ABOVE_NEIGHBOURS = 0.06
"""How much nearer a line must be to what was said than it is to the lines around it: on one subject all are near."""
_NEIGHBOURS = 6
"""Lines before and after that tell how near is near."""
_LONGEST_SPAN = 8
"""Clauses one line may take up."""
_MOST_SPANS = 1500
"""Spans embedded per film, so that hours of unscripted speech stay cheap."""
_RAGGED = 0.05
"""Price of an edge where the speaker makes no pause and ends no sentence."""


@dataclass(frozen=True)
class Unit:
    """A clause of unmatched speech: words ``first`` to ``last``, inclusive."""

    first: int
    last: int
    text: str
    clean_start: bool
    """A pause or the end of a sentence is before it."""
    clean_end: bool


@dataclass(frozen=True)
class Gap:
    """Unmatched speech between two spoken lines, and the unspoken lines that could be in it, in the script's order."""

    units: tuple[Unit, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Restated:
    """A line in other words: heard words ``first`` to ``last``, inclusive."""

    line: int
    first: int
    last: int
    alike: float
    """Cosine of the two meanings."""


def restated_lines(gaps: Sequence[Gap], texts: Sequence[str], embed: Embed) -> list[Restated]:
    """The best in-order pairing of lines and spans of clauses in every gap; ``texts`` are all lines' texts."""
    found: list[Restated] = []
    budget = _MOST_SPANS
    for gap in gaps:
        sizes = [len(texts[line].split()) for line in gap.lines]
        spans = _spans(gap, sizes)
        if not spans or len(spans) > budget:
            continue
        budget -= len(spans)
        said = [" ".join(unit.text for unit in gap.units[start:end]) for start, end in spans]
        near = _around(gap.lines, len(texts))
        vectors = embed([*said, *(texts[line] for line in near)])
        rows = [near.index(line) for line in gap.lines]
        written = vectors[len(said) :]
        needed = [_needed(written, row) for row in rows]
        found += _pair(gap, spans, vectors[: len(said)] @ written[rows].T, sizes, needed)
    return found


def _around(lines: Sequence[int], count: int) -> list[int]:
    """The lines and their neighbours, sorted."""
    low, high = max(0, min(lines) - _NEIGHBOURS), min(count, max(lines) + _NEIGHBOURS + 1)
    close = {line + off for line in lines for off in range(-_NEIGHBOURS, _NEIGHBOURS + 1)}
    return [line for line in range(low, high) if line in close]


def _needed(vectors: NDArray[np.float32], row: int) -> float:
    """The cosine a span must reach to be this line: above what the line has in common with its neighbours."""
    first, last = max(0, row - _NEIGHBOURS), row + _NEIGHBOURS + 1
    others = np.delete(vectors[first:last] @ vectors[row], row - first)
    usual = float(np.quantile(others, 0.9)) if len(others) else 0.0
    return float(np.clip(usual + _ABOVE_NEIGHBOURS, _LEAST_ALIKE, _SURELY_ALIKE))


def _spans(gap: Gap, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of clauses whose length suits at least one line."""
    spans = []
    for start in range(len(gap.units)):
        for end in range(start + 1, min(len(gap.units), start + _LONGEST_SPAN) + 1):
            size = sum(unit.last - unit.first + 1 for unit in gap.units[start:end])
            if any(_fits(size, other) for other in sizes):
                spans.append((start, end))
    return spans


def _fits(said: int, written: int) -> bool:
    return said >= 2 and 0.35 * written - 1 <= said <= 2.6 * written + 3


def _pair(
    gap: Gap,
    spans: Sequence[tuple[int, int]],
    cosine: NDArray[np.float32],
    sizes: Sequence[int],
    needed: Sequence[float],
) -> list[Restated]:
    """Maximise the summed likeness above what is ``needed``, lines and speech both in order."""
    by_end: dict[int, list[int]] = {}
    for at, (_, end) in enumerate(spans):
        by_end.setdefault(end, []).append(at)
    rows, columns = len(gap.units), len(gap.lines)
    best = np.zeros((rows + 1, columns + 1))
    choice = np.full((rows + 1, columns + 1), -1, dtype=np.int64)
    for end in range(1, rows + 1):
        for line in range(1, columns + 1):
            best[end, line] = max(best[end - 1, line], best[end, line - 1])
            for at in by_end.get(end, ()):
                start = spans[at][0]
                size = gap.units[end - 1].last - gap.units[start].first + 1
                ragged = _RAGGED * ((not gap.units[start].clean_start) + (not gap.units[end - 1].clean_end))
                gain = float(cosine[at, line - 1]) - needed[line - 1] - ragged
                total = best[start, line - 1] + gain
                if gain > 0 and _fits(size, sizes[line - 1]) and total > best[end, line] + 1e-9:
                    best[end, line] = total
                    choice[end, line] = at
    return _chosen(gap, spans, cosine, best, choice)


def _chosen(
    gap: Gap,
    spans: Sequence[tuple[int, int]],
    cosine: NDArray[np.float32],
    best: NDArray[np.float64],
    choice: NDArray[np.int64],
) -> list[Restated]:
    found = []
    end, line = len(gap.units), len(gap.lines)
    while end > 0 and line > 0:
        at = int(choice[end, line])
        if at >= 0:
            start = spans[at][0]
            words = gap.units[start].first, gap.units[end - 1].last
            found.append(Restated(gap.lines[line - 1], *words, alike=float(cosine[at, line - 1])))
            end, line = start, line - 1
        elif best[end - 1, line] >= best[end, line - 1]:
            end -= 1
        else:
            line -= 1
    return found[::-1]
