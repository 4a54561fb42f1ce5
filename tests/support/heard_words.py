"""Short ways to say what a recognizer heard."""

from transcribe.domain.heard import HeardWord, Passage

__all__ = ["a_passage", "heard"]


def heard(text: str, start: float, end: float, probability: float = 0.9) -> HeardWord:
    """One word."""
    return HeardWord(text, start, end, probability)


def a_passage(
    text: str,
    *,
    start: float = 0.0,
    words_per_second: float = 3.0,
    probability: float = 0.9,
    no_speech: float = 0.0,
    log_probability: float = -0.2,
    compression: float = 1.5,
) -> Passage:
    """A passage of evenly spoken words."""
    step = 1 / words_per_second
    words = [
        HeardWord(f" {each}", start + index * step, start + (index + 1) * step, probability)
        for index, each in enumerate(text.split())
    ]
    return Passage(tuple(words), no_speech, log_probability, compression)
