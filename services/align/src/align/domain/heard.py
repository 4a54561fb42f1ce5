"""Speech as a recognizer reports it, and the clauses it falls into."""

from collections.abc import Sequence
from dataclasses import dataclass

from align.domain.paraphrase import Unit

__all__ = ["HeardWord", "clauses", "ends_sentence", "pause_before"]

_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
_CLAUSE_ENDS = (*_SENTENCE_ENDS, ";", ":", ",", "—", "–", "、", "，")
_PAUSE_S = 0.3
"""Silence between words that a listener hears as a break."""
_LONGEST_CLAUSE = 16
"""Words."""


@dataclass(frozen=True)
class HeardWord:
    """One recognized word, punctuation included; seconds from the first frame."""

    text: str
    start: float
    end: float
    probability: float = 1.0


def pause_before(words: Sequence[HeardWord], at: int) -> float:
    """Seconds of silence before a word; without end before the first and after the last."""
    if at <= 0 or at >= len(words):
        return float("inf")
    return words[at].start - words[at - 1].end


def ends_sentence(text: str) -> bool:
    """Whether a recognized word closes a sentence."""
    return text.rstrip("\"'”’)»").endswith(_SENTENCE_ENDS)


def clauses(words: Sequence[HeardWord], first: int, last: int) -> list[Unit]:
    """Cut words ``first`` to ``last`` at pauses, punctuation, and where they grow too long."""
    units = []
    start = first
    for at in range(first, last + 1):
        text = words[at].text.rstrip("\"'”’)»")
        pause = pause_before(words, at + 1) >= _PAUSE_S
        comma_counts = at - start >= 2
        cut = at == last or pause or ends_sentence(text) or at - start + 1 >= _LONGEST_CLAUSE
        if cut or (comma_counts and text.endswith(_CLAUSE_ENDS)):
            units.append(_unit(words, start, at, first, last))
            start = at + 1
    return units


def _unit(words: Sequence[HeardWord], start: int, end: int, first: int, last: int) -> Unit:
    clean_start = start == first or pause_before(words, start) >= _PAUSE_S or ends_sentence(words[start - 1].text)
    clean_end = end == last or pause_before(words, end + 1) >= _PAUSE_S or ends_sentence(words[end].text)
    return Unit(start, end, " ".join(word.text for word in words[start : end + 1]), clean_start, clean_end)
