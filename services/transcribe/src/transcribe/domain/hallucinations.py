"""Which of the words a recognizer wrote were never spoken.

Whisper was trained on subtitles and writes some where nobody speaks, or falls into a loop. Its own three measures
tell most of them (Radford et al. 2022, section 4.5, the thresholds are theirs); a loop that hides inside a longer
passage is told by its words. A speaker who repeats a line, even five times, repeats it at the speed of speech and is
heard clearly: such words stay.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from transcribe.domain.heard import HeardWord, Passage

__all__ = ["imagined", "spoken_words", "without_loops"]

NO_SPEECH = 0.6
GUESS = -1.0
REPETITIVE = 2.4
DOUBTFUL_PROBABILITY = 0.5
LONGEST_LOOP = 8
"""Words in the phrase that a loop repeats."""
REPEATS = 4
"""Times in a row before a phrase is suspected of being a loop."""
FASTEST_SPEECH = 7.0
"""Words a second; auctioneers reach it in bursts, nobody keeps it up."""


def spoken_words(passages: Iterable[Passage]) -> list[HeardWord]:
    """The words of all passages that were probably spoken, in the order given."""
    return [word for passage in passages if not imagined(passage) for word in without_loops(passage.words)]


def imagined(passage: Passage) -> bool:
    """Whether a passage is what Whisper writes where nobody speaks."""
    silent = passage.no_speech > NO_SPEECH and passage.log_probability < GUESS
    looping = passage.compression > REPETITIVE and _mean_probability(passage.words) < DOUBTFUL_PROBABILITY
    return silent or looping


def without_loops(words: Sequence[HeardWord]) -> list[HeardWord]:
    """Drop all but the first of a phrase repeated ``REPEATS`` times or more that nobody can have spoken."""
    kept: list[HeardWord] = []
    index = 0
    while index < len(words):
        phrase, length = _loop_at(words, index)
        kept.extend(words[index : index + (phrase or 1)])
        index += length or 1
    return kept


def _loop_at(words: Sequence[HeardWord], start: int) -> tuple[int, int]:
    """Words in the phrase and in the whole loop that begins at ``start``; zeros when none does."""
    texts = [_plain(word) for word in words[start:]]
    for phrase in range(1, LONGEST_LOOP + 1):
        matching = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(texts, texts[phrase:], strict=False)))
        length = (matching // phrase + 1) * phrase
        if length >= REPEATS * phrase and _unspeakable(words[start : start + length]):
            return phrase, length
    return 0, 0


def _unspeakable(words: Sequence[HeardWord]) -> bool:
    seconds = words[-1].end - words[0].start
    return len(words) > FASTEST_SPEECH * seconds or _mean_probability(words) < DOUBTFUL_PROBABILITY


def _mean_probability(words: Sequence[HeardWord]) -> float:
    return sum(word.probability for word in words) / len(words) if words else 0.0


def _plain(word: HeardWord) -> str:
    return "".join(character for character in word.text.casefold() if character.isalnum())
