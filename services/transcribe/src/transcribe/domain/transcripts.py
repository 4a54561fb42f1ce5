"""From what a recognizer heard to the transcript we stand for."""

from collections.abc import Sequence

from contracts.documents import Transcript
from transcribe.domain.hallucinations import spoken_words
from transcribe.domain.heard import Heard
from transcribe.domain.segments import cut_into_segments
from transcribe.domain.sound import sound_of
from transcribe.domain.word_times import in_order

__all__ = ["silent", "transcript_of"]


def silent(duration: float, *, engine: str = "") -> Transcript:
    """The transcript of a video without sound."""
    return Transcript(language=None, duration=duration, words=(), segments=(), engine=engine)


def transcript_of(
    heard: Heard,
    *,
    pause_s: float,
    longest_segment_s: float,
    engine: str,
    levels: Sequence[float] = (),
    peak: float | None = None,
) -> Transcript:
    """Every word that was spoken, in order, with its time. Without words there is no language either.

    Args:
        heard: what the recognizer wrote, passages in order of time.
        pause_s: a silence of this length ends a segment.
        longest_segment_s: no segment lasts longer.
        engine: the recognizer and its model, for the reader.
        levels: loudness of each tenth of a second, in LUFS.
        peak: the largest sample, in decibels under full scale.
    """
    words = in_order(spoken_words(heard.passages), duration=heard.duration)
    if not words:
        return silent(heard.duration, engine=engine).model_copy(update={"sound": sound_of(levels, (), peak=peak)})
    segments = cut_into_segments(words, pause_s=pause_s, longest_s=longest_segment_s, language=heard.language)
    return Transcript(
        language=heard.language,
        language_probability=_rounded(heard.language_probability),
        duration=heard.duration,
        words=tuple(words),
        segments=tuple(segments),
        engine=engine,
        sound=sound_of(levels, words, peak=peak),
    )


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, 3)
