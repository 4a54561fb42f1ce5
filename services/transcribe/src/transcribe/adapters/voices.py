"""Where in a recording somebody speaks, and in which language. Runs in the child process of a task."""

from itertools import islice

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.languages import SURE, decide_language
from transcribe.domain.pieces import without_false_breaks
from transcribe.ports import Progress

__all__ = ["VOICE", "language_of", "speech_in"]

VOICE = VadOptions(min_silence_duration_ms=500)
"""Half a second of silence splits speech: measured better than the default two seconds (see the README)."""
WINDOW_S = 300
"""Seconds of sound in memory at once."""
OPINIONS = 4
"""Stretches of 30 s asked for the language at most."""
STRETCH_S = 30


def speech_in(wav: WavReader, progress: Progress = lambda _: None) -> list[tuple[float, float]]:
    """Stretches in which somebody speaks, ``(start, end)`` in seconds, in order."""
    found: list[tuple[float, float]] = []
    for start in range(0, wav.samples, WINDOW_S * SAMPLE_RATE):
        for stretch in get_speech_timestamps(wav.read(start, WINDOW_S * SAMPLE_RATE), VOICE):
            found.append(((start + stretch["start"]) / SAMPLE_RATE, (start + stretch["end"]) / SAMPLE_RATE))
        progress(min(1.0, (start + WINDOW_S * SAMPLE_RATE) / wav.samples))
    return without_false_breaks(found, every_s=WINDOW_S)


def language_of(
    whisper: WhisperModel, wav: WavReader, speech: list[tuple[float, float]]
) -> tuple[str | None, float | None]:
    """The language and its probability: one stretch of 30 s of speech after the other is asked until one is sure."""
    if not whisper.model.is_multilingual:
        return "en", None
    spoken = _beginning_of(wav, speech)
    votes: list[dict[str, float]] = []
    for begin in islice(range(0, len(spoken), STRETCH_S * SAMPLE_RATE), OPINIONS):
        _, probability, everything = whisper.detect_language(spoken[begin : begin + STRETCH_S * SAMPLE_RATE])
        votes.append(dict(everything))
        if probability >= SURE:
            break
    return decide_language(votes)


def _beginning_of(wav: WavReader, speech: list[tuple[float, float]]) -> NDArray[np.float32]:
    """The first two minutes in which somebody speaks, without what lies between."""
    most, parts = OPINIONS * STRETCH_S * SAMPLE_RATE, [np.zeros(0, np.float32)]
    for start, end in speech:
        parts.append(wav.read(round(start * SAMPLE_RATE), min(most, round((end - start) * SAMPLE_RATE))))
        most -= len(parts[-1])
        if most <= 0:
            break
    return np.concatenate(parts)
