"""Speech to words with WhisperX: batched Whisper, then a wav2vec2 model that places every word.

Needs the engines extra (requirements/engines.txt), which is loaded when it is used, in the child process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.heard import Heard, HeardWord, Passage
from transcribe.domain.missing_times import between_neighbours
from transcribe.domain.pieces import Piece
from transcribe.ports import Progress

__all__ = ["WhisperXRecognizer"]

RECOGNIZED = 0.7
"""Share of the progress that recognizing takes; aligning is the rest."""


class _WholeText:
    """Stands in for NLTK's sentence splitter: its data is a download, and segments are cut by our own rule."""

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def _no_sentences(_resource: str) -> _WholeText:
    return _WholeText()


@dataclass(frozen=True)
class WhisperXRecognizer:
    """The port ``Recognizer`` on WhisperX."""

    model: Path
    """Directory of a CTranslate2 Whisper model."""
    name: str
    """What to call the model in reports."""
    align_model: str | None = None
    """Directory or hub name of a wav2vec2 CTC model; None takes WhisperX's own choice for the language."""
    threads: int = 4
    device: str = "cpu"
    compute_type: str = "int8"
    batch: int = 8
    """Stretches of up to 30 s decoded at once."""
    vad: str = "pyannote"
    """``pyannote`` (its weights are in the package) or ``silero`` (a download)."""

    @property
    def engine(self) -> str:
        """Software, model and arithmetic, with versions."""
        return f"whisperx {version('whisperx')}, {self.name} {self.compute_type}"

    def recognize(self, audio: Path, *, language: str | None, progress: Progress, piece: Piece | None = None) -> Heard:
        """See the port. What is heard is in memory at once: 4 bytes a sample, 230 MB an hour."""
        with WavReader(audio) as wav:
            first = round(piece.heard_from * SAMPLE_RATE) if piece else 0
            last = round(piece.heard_until * SAMPLE_RATE) if piece else wav.samples
            samples, duration = wav.read(first, last - first), wav.duration
        if not len(samples):
            return Heard((), None, None, duration)
        recognized = self._recognize(samples, language, lambda percent: progress(RECOGNIZED * percent / 100))
        segments = [segment for segment in recognized["segments"] if segment["text"].strip()]
        if not segments:
            return Heard((), None, None, duration)
        aligned = self._align(
            samples,
            segments,
            recognized["language"],
            lambda percent: progress(RECOGNIZED + (1 - RECOGNIZED) * percent / 100),
        )
        passages = tuple(_passage(segment, offset=first / SAMPLE_RATE) for segment in aligned)
        return Heard(passages, recognized["language"], None, duration)

    def _recognize(
        self, samples: NDArray[np.float32], language: str | None, on_percent: Callable[[float], None]
    ) -> dict[str, Any]:
        import whisperx  # heavy, and in the engines extra alone

        pipeline = whisperx.load_model(
            str(self.model),
            self.device,
            compute_type=self.compute_type,
            language=language,
            vad_method=self.vad,
            local_files_only=True,
            threads=self.threads,
        )
        recognized: dict[str, Any] = pipeline.transcribe(
            samples, batch_size=self.batch, language=language, progress_callback=on_percent
        )
        return recognized

    def _align(
        self,
        samples: NDArray[np.float32],
        segments: Sequence[Mapping[str, Any]],
        language: str,
        on_percent: Callable[[float], None],
    ) -> list[dict[str, Any]]:
        import whisperx
        import whisperx.alignment

        whisperx.alignment.nltk_load = _no_sentences
        model, dictionary = whisperx.load_align_model(language, self.device, model_name=self.align_model)
        aligned = whisperx.align(segments, model, dictionary, samples, self.device, progress_callback=on_percent)
        return list(aligned["segments"])


def _passage(segment: Mapping[str, Any], *, offset: float) -> Passage:
    words = segment["words"] or [{"word": text} for text in segment["text"].split()]
    start, end = float(segment["start"]), float(segment["end"])
    times = between_neighbours(
        [(float(word["start"]), float(word["end"])) if "start" in word and "end" in word else None for word in words],
        start=start,
        end=end,
    )
    return Passage(
        words=tuple(
            # A word without a score was heard, but could not be placed: call it a coin toss.
            HeardWord(word["word"], time[0] + offset, time[1] + offset, float(word.get("score", 0.5)))
            for word, time in zip(words, times, strict=True)
        ),
        log_probability=float(segment.get("avg_logprob", 0.0)),
    )
