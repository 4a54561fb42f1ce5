"""Takes: passes and restated lines with the times of their words, and the choice of the best one."""

from collections.abc import Sequence
from dataclasses import dataclass

from align.domain.heard import HeardWord
from align.domain.matching import Matching
from align.domain.paraphrase import Restated
from align.domain.passes import LineTokens, Pass
from align.domain.tokens import written_words
from contracts.documents import Take, TakeWord

__all__ = ["TokenTime", "best_take", "recognized_times", "restated_take", "take_of"]


@dataclass(frozen=True)
class TokenTime:
    """When one heard token sounds. ``score`` is how well the sound fits it; None when only the recognizer says so."""

    start: float
    end: float
    score: float | None = None


def recognized_times(matching: Matching, words: Sequence[HeardWord]) -> list[TokenTime]:
    """The recognizer's times; a word of several tokens ("1455") is shared out by their letters."""
    times: list[TokenTime] = []
    at = 0
    while at < len(matching.heard):
        word = matching.heard[at].word
        end = at
        while end < len(matching.heard) and matching.heard[end].word == word:
            end += 1
        sizes = [len(token.text) for token in matching.heard[at:end]]
        begin, length = words[word].start, max(0.0, words[word].end - words[word].start)
        done = 0
        for size in sizes:
            times.append(TokenTime(begin + length * done / sum(sizes), begin + length * (done + size) / sum(sizes)))
            done += size
        at = end
    return times


def take_of(
    one: Pass, line: LineTokens, text: str, matching: Matching, words: Sequence[HeardWord], times: Sequence[TokenTime]
) -> Take:
    """A literal take: the author's words that were said, each with its time."""
    written = written_words(text)
    heard_for: dict[int, list[tuple[int, float]]] = {}
    for heard, token, likeness in one.matches:
        heard_for.setdefault(line.words[token], []).append((heard, likeness))
    first_word, last_word = min(heard_for), max(heard_for)
    said: list[TakeWord] = []
    for at in range(first_word, last_word + 1):
        if at in heard_for:
            said.append(_timed(written[at], heard_for[at], times, words, matching))
    said = _with_unheard(said, [(at, written[at]) for at in range(first_word, last_word + 1)], heard_for)
    scores = [time.score for time in times[one.first : one.last + 1] if time.score is not None]
    return Take(
        start=said[0].start,
        end=said[-1].end,
        chosen=False,
        complete=one.complete(line),
        score_text=round(min(one.share, 0.5 + 0.5 * one.precision), 3),
        score_acoustic=round(sum(scores) / len(scores), 3) if scores else None,
        spoken_text=_spoken(words, matching.heard[one.first].word, matching.heard[one.last].word),
        words=tuple(said),
    )


def _timed(
    text: str,
    heard: Sequence[tuple[int, float]],
    times: Sequence[TokenTime],
    words: Sequence[HeardWord],
    matching: Matching,
) -> TakeWord:
    own = [times[at] for at, _ in heard]
    scores = [time.score for time in own if time.score is not None]
    aligned = len(scores) == len(own)
    score = sum(scores) / len(scores) if aligned else words[matching.heard[heard[0][0]].word].probability
    start = min(time.start for time in own)
    return TakeWord(
        text=text,
        start=start,
        end=max(start, *(time.end for time in own)),
        score=round(min(1.0, max(0.0, score)), 3),
        source="aligned" if aligned else "recognized",
    )


_SHORTEST_WORD_S = 0.06
"""A word cannot be said in less time, so that no unheard word is put into a smaller hole."""


def _with_unheard(
    said: Sequence[TakeWord], written: Sequence[tuple[int, str]], heard_for: dict[int, list[tuple[int, float]]]
) -> list[TakeWord]:
    """Put words that nothing was heard for into the silence between their neighbours, where there is room."""
    filled: list[TakeWord] = []
    waiting: list[str] = []
    known = iter(said)
    for at, text in written:
        if at not in heard_for:
            if any(char.isalnum() for char in text):
                waiting.append(text)
            continue
        word = next(known)
        if waiting and filled and word.start - filled[-1].end >= _SHORTEST_WORD_S * len(waiting):
            begin, step = filled[-1].end, (word.start - filled[-1].end) / len(waiting)
            filled += [
                TakeWord(text=one, start=begin + n * step, end=begin + (n + 1) * step, score=0.0, source="interpolated")
                for n, one in enumerate(waiting)
            ]
        waiting.clear()
        filled.append(word)
    return filled


def restated_take(one: Restated, matching: Matching, words: Sequence[HeardWord], times: Sequence[TokenTime]) -> Take:
    """A line in other words: the words as they were heard."""
    tokens: dict[int, list[tuple[int, float]]] = {}
    for at, token in enumerate(matching.heard):
        if one.first <= token.word <= one.last:
            tokens.setdefault(token.word, []).append((at, 1.0))
    said = [_timed(words[word].text, tokens[word], times, words, matching) for word in sorted(tokens)]
    scores = [times[at].score for own in tokens.values() for at, _ in own]
    known = [score for score in scores if score is not None]
    return Take(
        start=said[0].start if said else words[one.first].start,
        end=said[-1].end if said else words[one.last].end,
        chosen=False,
        complete=True,
        score_text=round(min(1.0, max(0.0, one.alike)), 3),
        score_acoustic=round(sum(known) / len(known), 3) if known else None,
        spoken_text=_spoken(words, one.first, one.last),
        words=tuple(said),
    )


def _spoken(words: Sequence[HeardWord], first: int, last: int) -> str:
    return " ".join(word.text for word in words[first : last + 1])


_AS_GOOD = 0.08
"""Difference in text score or fluency that a recognizer's slips explain: such takes count as equal."""


def best_take(takes: Sequence[Take], fluency: Sequence[float]) -> int:
    """Which take to use: complete before broken off, then the more fluent, and of equals the last."""
    complete = [at for at, take in enumerate(takes) if take.complete] or list(range(len(takes)))
    top = max(takes[at].score_text for at in complete)
    whole = [at for at in complete if takes[at].score_text >= top - _AS_GOOD]
    smoothest = max(fluency[at] for at in whole)
    return max(at for at in whole if fluency[at] >= smoothest - _AS_GOOD)
