"""Forced alignment in windows: stretches of speech between pauses, each with every word that is heard in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from align.domain.heard import HeardWord, pause_before
from align.domain.matching import Matching
from align.domain.takes import TokenTime, recognized_times

__all__ = ["Aligner", "Listen", "aligned_times", "windows_of"]

Aligner = Callable[[NDArray[np.int16], Sequence[str]], Sequence[TokenTime | None]]
"""Sound and its words to times from the start of the sound."""
Listen = Callable[[float, float], NDArray[np.int16]]
"""The sound between two times in seconds."""

_LONG_PAUSE_S = 1.0
"""Silence at which windows are always cut. Shorter ones stay inside, for recognizers put words on their wrong side."""
_LONGEST_S = 30.0
"""A window that would last longer is cut at the longest pause of its second half."""
_MARGIN_S = 0.5
_CLEARLY = 0.6
"""Likeness from which the author's word is taken for what was said, rather than the recognizer's spelling."""
_SLOWEST_S, _SLOWEST_LETTER_S = 0.5, 0.13
"""A word lasts no longer than this and so much a letter; one that does has taken in speech that was not recognized."""
_STRAY_S = 1.5
"""A word that alignment moves further than this was not where the recognizer heard it: its window is not believed."""


@dataclass(frozen=True)
class Window:
    """Heard tokens ``first`` to ``last`` (inclusive) and the seconds of sound they are looked for in."""

    first: int
    last: int
    start: float
    end: float


def aligned_times(
    matching: Matching,
    script_words: Sequence[str | None],
    words: Sequence[HeardWord],
    listen: Listen,
    align: Aligner,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[TokenTime]:
    """Times of all heard tokens: aligned where the sound bears it out, else the recognizer's."""
    times = recognized_times(matching, words)
    wanted = _in_lines(matching)
    windows = [one for one in windows_of(matching, words) if any(wanted[one.first : one.last + 1])]
    for at, window in enumerate(windows):
        tokens = range(window.first, window.last + 1)
        said = [script_words[token] or matching.heard[token].text for token in tokens]
        found = align(listen(window.start, window.end), said)
        shifted = [_shifted(time, window.start) for time in found]
        if _believable(shifted, [times[token] for token in tokens]):
            for token, time, text in zip(tokens, shifted, said, strict=True):
                if time and time.end - time.start <= _SLOWEST_S + _SLOWEST_LETTER_S * len(text):
                    times[token] = time
        progress((at + 1) / len(windows))
    return _in_turn(times)


def likely_words(matching: Matching) -> list[str | None]:
    """For each heard token the author's word it clearly is; None where the recognizer's own is the better guess."""
    said: list[str | None] = [None] * len(matching.heard)
    for one in matching.passes:
        for heard, token, likeness in one.matches:
            if likeness >= _CLEARLY:
                said[heard] = matching.lines[one.line].texts[token]
    return said


def windows_of(matching: Matching, words: Sequence[HeardWord]) -> Iterator[Window]:
    """Cut the heard tokens at pauses into windows of bearable length, with a margin of sound around each."""
    bounds: dict[int, list[int]] = {}
    for at, token in enumerate(matching.heard):
        bounds.setdefault(token.word, []).append(at)
    known = sorted(bounds)
    first = 0
    while first < len(known):
        end = first + 1
        while end < len(known) and pause_before(words, known[end]) < _LONG_PAUSE_S:
            if words[known[end]].end - words[known[first]].start > _LONGEST_S:
                later = range((first + end) // 2 + 1, end + 1)
                end = max(later, key=lambda at: (pause_before(words, known[at]), at))
                break
            end += 1
        yield _window(known[first], known[end - 1], bounds[known[first]][0], bounds[known[end - 1]][-1], words)
        first = end


def _window(first_word: int, last_word: int, first: int, last: int, words: Sequence[HeardWord]) -> Window:
    """With up to half of the pauses around it, so that no other word is inside."""
    before, after = pause_before(words, first_word), pause_before(words, last_word + 1)
    start = words[first_word].start - min(_MARGIN_S, max(0.0, before) / 2)
    end = words[last_word].end + min(_MARGIN_S, max(0.0, after) / 2)
    return Window(first, last, max(0.0, start), end)


def _in_lines(matching: Matching) -> list[bool]:
    wanted = [False] * len(matching.heard)
    for one in matching.passes:
        wanted[one.first : one.last + 1] = [True] * one.heard
    restated = {word for one in matching.restated for word in range(one.first, one.last + 1)}
    loose = {word for first, last in matching.loose for word in range(first, last + 1)}
    for at, token in enumerate(matching.heard):
        wanted[at] = wanted[at] or token.word in restated or token.word in loose
    return wanted


def _shifted(time: TokenTime | None, start: float) -> TokenTime | None:
    return TokenTime(time.start + start, time.end + start, time.score) if time else None


def _believable(found: Sequence[TokenTime | None], heard: Sequence[TokenTime]) -> bool:
    """Whether most words are near where the recognizer heard them."""
    strays = [abs(time.start - other.start) > _STRAY_S for time, other in zip(found, heard, strict=True) if time]
    return bool(strays) and sum(strays) * 4 <= len(strays)


def _in_turn(times: Sequence[TokenTime]) -> list[TokenTime]:
    """No word begins before the one before it ends: aligned and recognized times are mixed where windows meet."""
    turned: list[TokenTime] = []
    for time in times:
        start = max(time.start, turned[-1].end) if turned and time.score is None else time.start
        turned.append(TokenTime(start, max(start, time.end), time.score))
    return turned
