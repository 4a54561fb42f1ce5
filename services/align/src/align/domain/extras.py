"""Ad-libs: speech that is in no line, once the crumbs that a recognizer leaves are swept up."""

from collections.abc import Sequence

from align.domain.heard import HeardWord, pause_before
from align.domain.matching import Matching
from align.domain.takes import TokenTime
from contracts.documents import AdLib

__all__ = ["ad_libs_of"]

_ATTACHED_S = 0.35
"""Seconds: a word nearer than this to a line belongs to its breath."""
_CRUMB = 3
"""Words up to this many, attached to a line on both sides, are the recognizer's slip or the speaker's."""
_BREAK_S = 3.0
"""Seconds of silence that part one ad-lib from the next."""
_SURE = 0.5
"""Mean probability below which two lone words were hardly said."""
_HESITATIONS = {"uh", "um", "er", "erm", "hmm", "mm", "ah", "eh", "mhm", "huh", "oh"}


def ad_libs_of(matching: Matching, words: Sequence[HeardWord], times: Sequence[TokenTime]) -> tuple[AdLib, ...]:
    """All speech in no line that is worth a person's eye, in order."""
    tokens: dict[int, list[TokenTime]] = {}
    for token, time in zip(matching.heard, times, strict=True):
        tokens.setdefault(token.word, []).append(time)
    found = []
    for run in matching.loose:
        for first, last in _parted(words, *run):
            if _is_speech(words, first, last):
                begin = tokens.get(first, [TokenTime(words[first].start, words[first].end)])[0].start
                end = tokens.get(last, [TokenTime(words[last].start, words[last].end)])[-1].end
                text = " ".join(word.text for word in words[first : last + 1])
                found.append(AdLib(start=begin, end=max(begin, end), text=text))
    return tuple(found)


def _parted(words: Sequence[HeardWord], first: int, last: int) -> list[tuple[int, int]]:
    parts = [(first, first)]
    for at in range(first + 1, last + 1):
        if pause_before(words, at) >= _BREAK_S:
            parts.append((at, at))
        else:
            parts[-1] = (parts[-1][0], at)
    return parts


def _is_speech(words: Sequence[HeardWord], first: int, last: int) -> bool:
    """Not a crumb: long enough, or standing alone and surely heard."""
    said = words[first : last + 1]
    telling = [word for word in said if word.text.strip(".,!?…- ").casefold() not in _HESITATIONS]
    if len(telling) > _CRUMB:
        return True
    before, after = pause_before(words, first), pause_before(words, last + 1)
    sure = sum(word.probability for word in said) / len(said) >= _SURE
    if len(telling) <= 1:
        return bool(telling) and sure and min(before, after) >= 2 * _ATTACHED_S
    return sure and (min(before, after) >= _ATTACHED_S or max(before, after) >= 2 * _ATTACHED_S)
