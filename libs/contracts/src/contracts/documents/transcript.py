"""``transcript.json``: every word with its time."""

from typing import Literal

from pydantic import Field

from contracts.documents._document import Document, Seconds

__all__ = ["Segment", "Sound", "SoundSpan", "Transcript", "Word"]


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


class SoundSpan(Document):
    """A stretch of a recording: somebody speaks, nothing sounds, or something else does (music, noise, effects)."""

    kind: Literal["speech", "silence", "other"]
    start: Seconds
    end: Seconds


class Sound(Document):
    """What a recording sounds like besides its words."""

    loudness: float | None
    """Of the whole, in LUFS (ITU-R BS.1770-4, mixed down to one channel); None where all of it is silent."""
    peak: float | None = None
    """The largest sample, in decibels under full scale."""
    levels: tuple[float, ...]
    """Loudness of each second, in LUFS."""
    spans: tuple[SoundSpan, ...]
    """Without gaps, in order of time."""


class Transcript(Document):
    """What was said. Without speech there are no words and no language."""

    language: str | None
    language_probability: float | None = None
    duration: Seconds
    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    engine: str = ""
    sound: Sound | None = None
    """None in transcripts of before it was measured, and of films without sound."""
