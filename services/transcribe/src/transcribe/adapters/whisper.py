"""Speech to words with faster-whisper: Whisper on CTranslate2, with the Silero voice detector in front.

Runs in the child process of a task: importing this module costs memory that the idle service must not pay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.vad import VadOptions, get_speech_timestamps
from numpy.typing import NDArray

from transcribe.adapters.silence import quiet_stretches
from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.blocks import end_of_block
from transcribe.domain.heard import Heard, HeardWord, Passage
from transcribe.domain.languages import SURE, decide_language
from transcribe.domain.onsets import starting_with_sound
from transcribe.domain.whole_words import whole_words
from transcribe.ports import Progress

__all__ = ["WhisperRecognizer"]

OPINIONS = 4
"""Stretches of 30 s asked for the language at most."""
STRETCH = 30 * SAMPLE_RATE
VOICE = VadOptions(min_silence_duration_ms=500)
"""Half a second of silence splits speech: measured better than the default two seconds (see the README)."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class WhisperRecognizer:
    """The port ``Recognizer`` on a CTranslate2 model."""

    model: Path
    """Directory with model.bin, config.json, tokenizer.json and the vocabulary."""
    name: str
    """What to call the model in reports."""
    beam: int = 1
    threads: int = 0
    """CPU threads; 0 lets CTranslate2 choose."""
    device: str = "cpu"
    compute_type: str = "int8"
    window_s: float = 300.0
    """Seconds of audio heard at once; the features of five minutes take 50 MB."""

    @property
    def engine(self) -> str:
        """Software, model and arithmetic, with versions."""
        return f"faster-whisper {version('faster-whisper')}, {self.name} {self.compute_type}"

    def recognize(self, audio: Path, *, language: str | None, progress: Progress) -> Heard:
        """See the port. Decoding is deterministic: the fallback to sampling starts from a fixed seed."""
        ctranslate2.set_random_seed(0)
        whisper = WhisperModel(
            str(self.model),
            device=self.device,
            compute_type=self.compute_type,
            cpu_threads=self.threads,
            local_files_only=True,
        )
        passages: list[Passage] = []
        probability: float | None = None
        with WavReader(audio) as wav:
            for start, samples, speech in _spoken_blocks(wav, self.window_s):
                if language is None:
                    language, probability = _language(whisper, samples, speech)
                for passage in self._passages(whisper, samples, language, offset=start):
                    passages.append(passage)
                    if passage.words:
                        progress(min(passage.words[-1].end / wav.duration, 1.0))
                progress(min((start + len(samples) / SAMPLE_RATE) / wav.duration, 1.0))
            return Heard(tuple(passages), language, probability, wav.duration)

    def _passages(
        self, whisper: WhisperModel, samples: Samples, language: str | None, *, offset: float
    ) -> Iterator[Passage]:
        quiet = quiet_stretches(samples)
        segments, _ = whisper.transcribe(
            samples,
            language=language,
            beam_size=self.beam,
            word_timestamps=True,
            # What was said before must not colour what is said now: with it, Whisper skips repeated takes.
            condition_on_previous_text=False,
            vad_filter=True,
            vad_parameters=VOICE,
        )
        for segment in segments:
            yield _passage(segment, language, quiet, offset)


def _passage(segment: Any, language: str | None, quiet: Sequence[tuple[float, float]], offset: float) -> Passage:
    pieces = [
        HeardWord(word.word, float(word.start), float(word.end), float(word.probability))
        for word in segment.words or ()
    ]
    words = starting_with_sound(whole_words(pieces, language=language), quiet)
    return Passage(
        words=tuple(replace(word, start=word.start + offset, end=word.end + offset) for word in words),
        no_speech=float(segment.no_speech_prob),
        log_probability=float(segment.avg_logprob),
        compression=float(segment.compression_ratio),
    )


def _spoken_blocks(wav: WavReader, window_s: float) -> Iterator[tuple[float, Samples, list[dict[str, int]]]]:
    """Start in seconds, samples and stretches of speech (in samples) of each block in which somebody speaks."""
    start = 0
    while start < wav.samples:
        samples = wav.read(start, int(window_s * SAMPLE_RATE))
        speech = get_speech_timestamps(samples, VOICE)
        length = len(samples)
        if start + length < wav.samples:
            stretches = [(stretch["start"] / SAMPLE_RATE, stretch["end"] / SAMPLE_RATE) for stretch in speech]
            length = round(end_of_block(stretches, window_s=length / SAMPLE_RATE) * SAMPLE_RATE)
        inside = [stretch for stretch in speech if stretch["start"] < length]
        if inside:
            yield start / SAMPLE_RATE, samples[:length], inside
        start += length


def _language(whisper: WhisperModel, samples: Samples, speech: list[dict[str, int]]) -> tuple[str | None, float | None]:
    """Ask about one stretch of 30 s of speech after the other until one answer is sure."""
    if not whisper.model.is_multilingual:
        return "en", None
    spoken = np.concatenate([samples[stretch["start"] : stretch["end"]] for stretch in speech])
    votes: list[dict[str, float]] = []
    for begin in islice(range(0, len(spoken), STRETCH), OPINIONS):
        _, probability, everything = whisper.detect_language(spoken[begin : begin + STRETCH])
        votes.append(dict(everything))
        if probability >= SURE:
            break
    return decide_language(votes)
