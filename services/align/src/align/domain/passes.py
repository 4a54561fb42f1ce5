"""Passes: each stretch of speech that follows one line, measured, and sorted into those to believe and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from align.domain.following import NOWHERE, Place

__all__ = ["LineTokens", "Pass", "believable", "measured", "passes_of"]


@dataclass(frozen=True)
class LineTokens:
    """A spoken line as the search sees it."""

    texts: tuple[str, ...]
    words: tuple[int, ...]
    """Index of the written word of each token."""
    optional: tuple[bool, ...]
    weights: tuple[float, ...]
    """Log-odds of each token, as in ``similarity.word_weights``."""

    @property
    def required(self) -> int:
        """How many tokens must be heard."""
        return sum(not free for free in self.optional)


@dataclass(frozen=True)
class Pass:
    """One time a line was followed, from heard token ``first`` to ``last`` (inclusive)."""

    line: int
    first: int
    last: int
    matches: tuple[tuple[int, int, float], ...]
    """(heard token, token of the line, likeness 0..1), both rising; likeness 0 is a word that stands for another."""
    share: float = 0.0
    """Share of the line's required tokens that was heard, likeness counted."""
    precision: float = 0.0
    """Share of the heard tokens that is in the line, likeness counted."""
    evidence: float = 0.0
    """Summed weight of what was heard: how little chance explains it."""
    missing_head: int = 0
    missing_tail: int = 0
    longest_hole: int = 0
    """Longest run of the line's required tokens, within the pass, that nothing was heard for."""
    fluent: float = field(default=1.0, compare=False)
    """1 without extra words; falls with hesitations and repeated words."""

    @property
    def heard(self) -> int:
        """How many words were said in it."""
        return self.last - self.first + 1

    def complete(self, line: LineTokens) -> bool:
        """Whether the line was said to its end (and from its start), a recognizer's slips allowed."""
        size = line.required
        slack = (size >= 5) + (size >= 12) + (size >= 24)
        holes = size - self.missing_head - self.missing_tail
        said = self.share * size >= 0.6 * holes
        return said and self.missing_tail <= slack and self.missing_head <= slack + 1 and self.share >= 0.5


def passes_of(places: Sequence[Place | None], likeness: Sequence[float], lines: Sequence[LineTokens]) -> list[Pass]:
    """Cut the followed places into passes; words at their edges that match nothing are left outside."""
    first_token = [0]
    for line in lines:
        first_token.append(first_token[-1] + len(line.texts))
    found: list[Pass] = []
    stretch: list[int] = []

    def close() -> None:
        matched = [at for at in stretch if _token(places[at]) != NOWHERE and likeness[at] > 0]
        if matched:
            line = places[stretch[0]].line  # type: ignore[union-attr]  # stretches hold places only
            triples = tuple(
                (at, _token(places[at]) - first_token[line], likeness[at])
                for at in stretch
                if matched[0] <= at <= matched[-1] and _token(places[at]) != NOWHERE
            )
            found.append(measured(line, matched[0], matched[-1], triples, lines[line]))
        stretch.clear()

    for at, place in enumerate(places):
        if stretch and (place is None or place.begins or place.line != places[stretch[-1]].line):  # type: ignore[union-attr]
            close()
        if place is not None:
            stretch.append(at)
    close()
    return found


def _token(place: Place | None) -> int:
    return NOWHERE if place is None else place.token


def measured(line: int, first: int, last: int, matches: tuple[tuple[int, int, float], ...], tokens: LineTokens) -> Pass:
    """A pass with its measures."""
    required = max(1, tokens.required)
    said = {token: like for _, token, like in matches}
    good = sum(like for token, like in said.items() if not tokens.optional[token])
    evidence = sum(like * tokens.weights[token] for token, like in said.items())
    missing = [not tokens.optional[token] and token not in said for token in range(len(tokens.texts))]
    begin, end = min(said), max(said)
    heard = last - first + 1
    return Pass(
        line, first, last, matches,
        share=min(1.0, good / required),
        precision=min(1.0, sum(said.values()) / heard),
        evidence=evidence,
        missing_head=sum(missing[:begin]),
        missing_tail=sum(missing[end + 1 :]),
        longest_hole=_longest_run(missing[begin : end + 1]),
        fluent=min(1.0, len(said) / heard),
    )  # fmt: skip


def _longest_run(flags: Sequence[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


_STRONG_EVIDENCE = 14.0
"""Log-odds: beyond what shared phrases of everyday speech reach."""


def believable(passes: Sequence[Pass], lines: Sequence[LineTokens]) -> list[Pass]:
    """Drop passes that chance explains: a shared phrase far from the line's place is not the line.

    A pass that says most of its line stands by itself. A fragment stands where the script's order expects its line,
    or beside a whole take of it (a false start).
    """
    strong = [_strong(one, lines[one.line]) for one in passes]
    before = -1
    after_each: list[int] = [len(lines)] * len(passes)
    for at in range(len(passes) - 2, -1, -1):
        after_each[at] = passes[at + 1].line if strong[at + 1] else after_each[at + 1]
    kept = []
    for one, stands, after in zip(passes, strong, after_each, strict=True):
        if stands or _plausible(one, lines[one.line], before, after):
            kept.append(one)
        before = one.line if stands else before
    return kept


def _strong(one: Pass, line: LineTokens) -> bool:
    whole = one.share >= 0.6 and one.precision >= 0.5 and line.required >= 4 and one.evidence >= 8
    return whole or (_dense(one) >= 0.75 and one.precision >= 0.75 and one.evidence >= 2 * _STRONG_EVIDENCE)


def _plausible(one: Pass, line: LineTokens, before: int, after: int) -> bool:
    in_order = before <= one.line <= after
    beside = one.line in (before, after)
    if line.required <= 3:
        near = min(abs(one.line - before), abs(one.line - after)) <= 3
        return one.share >= 0.6 and (in_order or (near and one.share > 0.9 and line.required >= 2))
    if one.share >= 0.5 and one.precision >= 0.45:
        return in_order or one.evidence >= _STRONG_EVIDENCE
    fragment = _dense(one) >= 0.7 and one.precision >= 0.7 and len(one.matches) >= 3
    return fragment and ((beside and one.missing_head <= 3) or (in_order and one.evidence >= 8))


def _dense(one: Pass) -> float:
    """Likeness per token of the part of the line that was reached."""
    reached = one.matches[-1][1] - one.matches[0][1] + 1
    return sum(like for _, _, like in one.matches) / reached
