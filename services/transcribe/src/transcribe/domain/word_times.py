"""Times that every reader of a transcript may rely on."""

from collections.abc import Iterable

from contracts.documents import Word
from transcribe.domain.heard import HeardWord

__all__ = ["in_order"]


def in_order(words: Iterable[HeardWord], *, duration: float) -> list[Word]:
    """Words without blanks around them and none empty, whose times lie in the file and never run backwards.

    Every word starts no earlier than the one before it ended. A word that a recognizer put beyond the end of the
    audio is kept with the last instant as its time: it was said, only its time is wrong.

    Args:
        words: in the order they were spoken.
        duration: of the audio, in seconds.
    """
    ordered: list[Word] = []
    earliest, latest = 0.0, _milliseconds(max(duration, 0.0))
    for word in words:
        text = word.text.strip()
        if not text:
            continue
        start = min(max(_milliseconds(word.start), earliest), latest)
        end = min(max(_milliseconds(word.end), start), latest)
        probability = min(max(word.probability, 0.0), 1.0)
        ordered.append(Word(text=text, start=start, end=end, probability=round(probability, 3)))
        earliest = end
    return ordered


def _milliseconds(seconds: float) -> float:
    return round(seconds, 3)
