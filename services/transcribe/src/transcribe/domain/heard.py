"""What a recognizer hands over, before any rule of ours has looked at it."""

from dataclasses import dataclass

from transcribe.domain.pieces import Piece

__all__ = ["Heard", "HeardWord", "Hearing", "Passage", "Survey"]


@dataclass(frozen=True)
class HeardWord:
    """One word as the recognizer wrote it; times in seconds from the first sample."""

    text: str
    start: float
    end: float
    probability: float
    """How sure the recognizer is of the word, 0 to 1."""


@dataclass(frozen=True)
class Passage:
    """A stretch decoded in one go, with the recognizer's own doubts about it."""

    words: tuple[HeardWord, ...]
    no_speech: float = 0.0
    """Probability that nobody speaks, 0 to 1."""
    log_probability: float = 0.0
    """Mean log probability of the tokens; 0 is certain, below -1 is a guess."""
    compression: float = 1.0
    """Length of the text over its length when zipped; loops compress well, speech does not."""


@dataclass(frozen=True)
class Heard:
    """Everything a recognizer heard in one file, in order of time."""

    passages: tuple[Passage, ...]
    language: str | None
    """ISO 639-1 code the text is in; None when nothing could tell."""
    language_probability: float | None
    """None when the language was asked for, not detected."""
    duration: float
    """Seconds of audio."""


@dataclass(frozen=True)
class Hearing:
    """What was heard, and by what."""

    heard: Heard
    engine: str
    """Software and model, for reports."""
    model_sha256: str
    """Digest of the weights."""
    levels: tuple[float, ...] = ()
    """Loudness of each tenth of a second in LUFS; none where it was measured already, or there is no sound."""
    peak: float | None = None
    """The largest sample, in decibels under full scale."""


@dataclass(frozen=True)
class Survey:
    """What is known of a recording before it is heard: where it may be cut, and its language."""

    pieces: tuple[Piece, ...]
    language: str | None
    language_probability: float | None
    """None when the language was asked for, not detected."""
    duration: float
    """Seconds of audio."""
    levels: tuple[float, ...] = ()
    """Loudness of each tenth of a second, in LUFS."""
    peak: float | None = None
    """The largest sample, in decibels under full scale."""
