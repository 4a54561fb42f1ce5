"""Word times by the sound itself: stretches of speech between pauses are aligned with the words heard in them.

A recognizer's own times are by-products of its attention, 50 ms off on the median. What an aligner finds is taken only
where it agrees with them roughly: words that the recognizer left out, or made up, would shift their neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from transcribe.domain.hallucinations import imagined
from transcribe.domain.heard import Heard, HeardWord

__all__ = ["Place", "timed_by_sound"]

Place = Callable[[float, float, Sequence[str]], Sequence[tuple[float, float] | None]]
"""Finds words in the sound between two times: ``(start, end)`` in seconds of the file, None where it cannot."""

_LONG_PAUSE_S = 1.0
"""Silence at which stretches end. Shorter ones stay inside, for recognizers put words on their wrong side."""
_LONGEST_S = 20.0
_MARGIN_S = 0.5
_STRAY_S = 0.8
"""A word found further than this from where it was heard was not found."""
_FEWEST_FOUND = 0.75
"""Share of a stretch's words that must be found near where they were heard, or none of it is believed."""
_SLOWEST_S, _SLOWEST_LETTER_S = 0.5, 0.13
"""A word lasts no longer than this and so much a letter; one that does has taken in speech that was not heard."""


def timed_by_sound(heard: Heard, place: Place, progress: Callable[[float], None] = lambda _: None) -> Heard:
    """What was heard, with the times of its words as their sound has them."""
    words = [word for passage in heard.passages if not imagined(passage) for word in passage.words]
    times: list[HeardWord] = []
    for first, last in _stretches(words):
        times += _timed(words, first, last, place)
        progress(len(times) / len(words))
    timed = iter(times)
    return replace(
        heard,
        passages=tuple(
            passage if imagined(passage) else replace(passage, words=tuple(next(timed) for _ in passage.words))
            for passage in heard.passages
        ),
    )


def _stretches(words: Sequence[HeardWord]) -> Iterator[tuple[int, int]]:
    """First and last word, exclusive, of what is aligned at once."""
    first = 0
    while first < len(words):
        end = first + 1
        while end < len(words) and _pause(words, end) < _LONG_PAUSE_S:
            if words[end].end - words[first].start > _LONGEST_S:
                later = range((first + end) // 2 + 1, end + 1)
                end = max(later, key=lambda at: (_pause(words, at), at))
                break
            end += 1
        yield first, end
        first = end


def _timed(words: Sequence[HeardWord], first: int, last: int, place: Place) -> list[HeardWord]:
    own = list(words[first:last])
    start = max(0.0, own[0].start - min(_MARGIN_S, _pause(words, first) / 2))
    end = own[-1].end + min(_MARGIN_S, _pause(words, last) / 2)
    found = place(start, end, [word.text for word in own])
    near = [time if time and _near(word, time) else None for word, time in zip(own, found, strict=True)]
    if sum(time is not None for time in near) < _FEWEST_FOUND * len(own):
        return own
    return [replace(word, start=time[0], end=time[1]) if time else word for word, time in zip(own, near, strict=True)]


def _near(word: HeardWord, time: tuple[float, float]) -> bool:
    slow = time[1] - time[0] > _SLOWEST_S + _SLOWEST_LETTER_S * len(word.text.strip())
    return abs(time[0] - word.start) <= _STRAY_S and not slow


def _pause(words: Sequence[HeardWord], at: int) -> float:
    """Seconds of silence before a word; without end before the first and after the last."""
    if at <= 0 or at >= len(words):
        return float("inf")
    return max(0.0, words[at].start - words[at - 1].end)
