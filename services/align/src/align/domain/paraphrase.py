"""Find lines that were said in other words: speech in no line is compared, by meaning, with lines that are unspoken."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Embed", "Gap", "Restated", "Unit", "restated_lines"]

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Sentences to unit vectors, one row each."""

_LEAST_ALIKE, _SURELY_ALIKE = 0.37, 0.62
"""Cosines under which two sentences are never the same in other words, and over which a subject in common does not
explain them."""
_ABOVE_NEIGHBOURS = 0.06
"""How much nearer a line must be to what was said than it is to the lines around it: on one subject all are near."""
_NEIGHBOURS = 6
"""Lines before and after that tell how near is near."""
_LONGEST_SPAN = 8
"""Clauses one line may take up."""
_MOST_SPANS = 600
"""Spans embedded per film beside the clauses themselves, so that hours of unscripted speech stay cheap."""
_ROUGHLY = 0.12
"""How far the mean of its clauses' vectors may be from a span's own: spans further from every line are not embedded."""
_RAGGED = 0.05
"""Price of an edge where the speaker makes no pause and ends no sentence."""
_UNLIKE_LENGTH = 0.02
"""Price of saying e times more or fewer words than are written: half of a line means nearly what all of it does."""


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
    sizes = [len(text.split()) for text in texts]
    spans = [_spans(gap, [sizes[line] for line in gap.lines]) for gap in gaps]
    meanings = _Meanings(embed)
    meanings.learn(unit.text for gap, own in zip(gaps, spans, strict=True) if own for unit in gap.units)
    near = [_around(gap.lines, len(texts)) for gap in gaps]
    meanings.learn(texts[line] for lines, own in zip(near, spans, strict=True) if own for line in lines)
    found: list[Restated] = []
    budget = _MOST_SPANS
    for gap, own, lines in zip(gaps, spans, near, strict=True):
        if not own:
            continue
        written = meanings.of([texts[line] for line in lines])
        rows = [lines.index(line) for line in gap.lines]
        needed = [_needed(written, row) for row in rows]
        promising = _promising(gap, own, written[rows], needed, meanings)[: max(0, budget)]
        budget -= len(promising)
        said = [" ".join(unit.text for unit in gap.units[start:end]) for start, end in promising]
        meanings.learn(said)
        found += _pair(gap, promising, meanings.of(said) @ written[rows].T, [sizes[line] for line in gap.lines], needed)
    return found


class _Meanings:
    """Vectors of sentences, each computed once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, NDArray[np.float32]] = {}

    def learn(self, sentences: Iterable[str]) -> None:
        """Compute what is not known yet, all at once."""
        new = list(dict.fromkeys(one for one in sentences if one not in self._known))
        if new:
            self._known.update(zip(new, self._embed(new), strict=True))

    def of(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """One row each."""
        rows = [self._known[one] for one in sentences]
        return np.stack(rows) if rows else np.zeros((0, len(next(iter(self._known.values())))), dtype=np.float32)


def _promising(
    gap: Gap,
    spans: Sequence[tuple[int, int]],
    written: NDArray[np.float32],
    needed: Sequence[float],
    meanings: _Meanings,
) -> list[tuple[int, int]]:
    """Spans whose clauses together are near to some line, the nearest first."""
    weights = np.array([unit.last - unit.first + 1 for unit in gap.units], dtype=np.float32)
    clauses = meanings.of([unit.text for unit in gap.units]) * weights[:, None]
    sums = np.concatenate((np.zeros((1, clauses.shape[1]), dtype=np.float32), np.cumsum(clauses, axis=0)))
    rough = np.stack([sums[end] - sums[start] for start, end in spans])
    rough /= np.maximum(np.linalg.norm(rough, axis=1, keepdims=True), 1e-9)
    margin = (rough @ written.T - np.array(needed)[None, :]).max(axis=1)
    order = np.argsort(-margin, kind="stable")
    return [spans[at] for at in order if margin[at] > -_ROUGHLY]


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
                longer = _UNLIKE_LENGTH * abs(float(np.log(size / sizes[line - 1])))
                gain = float(cosine[at, line - 1]) - needed[line - 1] - ragged - longer
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
