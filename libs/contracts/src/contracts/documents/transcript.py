"""``transcript.json``: every word with its time."""

from pydantic import Field

from contracts.documents._document import Document, Seconds

__all__ = ["Segment", "Transcript", "Word"]


class Word(Document):
    """One spoken word as the recognizer wrote it, punctuation included."""

    text: str
    start: Seconds
    end: Seconds
    probability: float = Field(ge=0, le=1)


class Segment(Document):
    """A stretch of speech; ``first_word`` and ``last_word`` are inclusive indexes into ``words``."""

    text: str
    start: Seconds
    end: Seconds
    first_word: int
    last_word: int


class Transcript(Document):
    """What was said. Without speech there are no words and no language."""

    language: str | None
    language_probability: float | None = None
    duration: Seconds
    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    engine: str = ""
