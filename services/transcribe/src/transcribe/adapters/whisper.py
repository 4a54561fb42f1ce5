"""Speech to words with faster-whisper: Whisper on CTranslate2, with the Silero voice detector in front.

Runs in the child process of a task: importing this module costs memory that the idle service must not pay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from transcribe.adapters.silence import quiet_stretches
from transcribe.adapters.voices import VOICE, language_of, speech_in
from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.heard import Heard, HeardWord, Passage
from transcribe.domain.hints import BETWEEN_S, Clip, Hints, heard_again
from transcribe.domain.onsets import starting_with_sound
from transcribe.domain.pieces import Piece, cut_into_pieces
from transcribe.domain.seams import joined
from transcribe.domain.whole_words import whole_words
from transcribe.ports import Progress

__all__ = ["WhisperRecognizer", "load_whisper"]

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
    hints: tuple[str, ...] = ()
    """Words of the script, for what is misheard."""
    window_s: float = 300.0
    """Seconds of audio heard at once; the features of five minutes take 50 MB."""

    @property
    def engine(self) -> str:
        """Software, model and arithmetic, with versions."""
        return f"faster-whisper {version('faster-whisper')}, {self.name} {self.compute_type}"

    def recognize(self, audio: Path, *, language: str | None, progress: Progress, piece: Piece | None = None) -> Heard:
        """See the port. Decoding is deterministic: the fallback to sampling starts from a fixed seed."""
        ctranslate2.set_random_seed(0)
        whisper = load_whisper(self.model, device=self.device, compute_type=self.compute_type, threads=self.threads)
        with WavReader(audio) as wav:
            whole = piece or Piece(0.0, wav.duration, 0.0, wav.duration, tuple(speech_in(wav)))
            probability: float | None = None
            if not whole.speech:
                return Heard((), language, None, wav.duration)
            if language is None:
                language, probability = language_of(whisper, wav, list(whole.speech))
            blocks = cut_into_pieces(
                whole.speech, start=whole.heard_from, end=whole.heard_until, longest_s=self.window_s
            )
            length = whole.heard_until - whole.heard_from
            heard: list[tuple[Piece, list[Passage]]] = []
            for block in blocks:
                heard.append((block, []))
                for passage in self._passages(whisper, wav, language, block):
                    heard[-1][1].append(passage)
                    if passage.words:
                        progress(min((passage.words[-1].end - whole.heard_from) / length, 1.0))
                progress(min((block.end - whole.heard_from) / length, 1.0))
            once = Heard(joined(heard), language, probability, wav.duration)
            return self._twice(once, whisper, wav)

    def hear_again(self, audio: Path, heard: Heard) -> Heard:
        """What was heard without hints, with those words of the script that a second hearing bears out."""
        whisper = load_whisper(self.model, device=self.device, compute_type=self.compute_type, threads=self.threads)
        with WavReader(audio) as wav:
            return self._twice(heard, whisper, wav)

    def _twice(self, once: Heard, whisper: WhisperModel, wav: WavReader) -> Heard:
        if not self.hints:
            return once
        hear = partial(self._again, whisper, wav, once.language)
        return replace(once, passages=heard_again(once.passages, self._hints(once.language), hear))

    def _hints(self, language: str | None) -> Hints:
        if language != "en":
            return Hints(self.hints, list)  # letters are sounds enough where we have no dictionary
        from transcribe.adapters.sphinx import SphinxAligner

        return Hints(self.hints, SphinxAligner().sounds)

    def _again(self, whisper: WhisperModel, wav: WavReader, language: str | None, clip: Clip, hints: str) -> list[str]:
        silence = np.zeros(round(BETWEEN_S * SAMPLE_RATE), np.float32)
        sound: list[Samples] = []
        for start, end in clip.spans:
            first = round(start * SAMPLE_RATE)
            sound += [wav.read(first, round(end * SAMPLE_RATE) - first), silence]
        segments, _ = whisper.transcribe(
            np.concatenate(sound),
            language=language,
            beam_size=self.beam,
            condition_on_previous_text=False,
            without_timestamps=True,
            hotwords=hints,
        )
        return [word for segment in segments for word in segment.text.split()]

    def _passages(self, whisper: WhisperModel, wav: WavReader, language: str | None, block: Piece) -> Iterator[Passage]:
        if not block.speech:
            return
        first, last = round(block.heard_from * SAMPLE_RATE), round(block.heard_until * SAMPLE_RATE)
        samples = wav.read(first, last - first)
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
            yield _passage(segment, language, quiet, first / SAMPLE_RATE)


def load_whisper(model: Path, *, device: str, compute_type: str, threads: int) -> WhisperModel:
    """The model in a folder, without asking any network."""
    return WhisperModel(
        str(model), device=device, compute_type=compute_type, cpu_threads=threads, local_files_only=True
    )


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
