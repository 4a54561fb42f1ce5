"""What the child process of a task does: load a model, hear a file, report how far it is.

The service itself imports this module but none of the engines: each is imported where it is used.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from chassis import child
from chassis.models import ModelStore
from transcribe.adapters.failures import RecognizerMissing
from transcribe.adapters.weights import model_named
from transcribe.domain.heard import Hearing, Survey
from transcribe.domain.pieces import Piece, cut_into_pieces
from transcribe.ports import Ears, Recognizer

__all__ = ["listen", "survey"]

HEARD = 0.93
"""Share of the progress that hearing takes; timing the words is the rest."""


def survey(ears: Ears, model: str, audio: Path, language: str | None, longest_s: float) -> Survey:
    """Look over a WAV file; see ``transcribe.ports.Look``.

    Raises:
        ModelUnavailable: the weights cannot be had.
        UnreadableAudio: the file is not what ingest promises.
    """
    child.progress(0.0, "looking for pauses")
    from transcribe.adapters.loudness import levels_of
    from transcribe.adapters.voices import language_of, speech_in
    from transcribe.adapters.wav import WavReader
    from transcribe.adapters.whisper import load_whisper

    folder = _weights(ears, model)
    with WavReader(audio) as wav:
        speech = speech_in(wav)
        probability: float | None = None
        if language is None and speech:
            whisper = load_whisper(folder, device=ears.device, compute_type=ears.compute_type, threads=ears.threads)
            language, probability = language_of(whisper, wav, speech)
        pieces = cut_into_pieces(speech, end=wav.duration, longest_s=longest_s)
        return Survey(pieces, language, probability, wav.duration, *levels_of(wav))


def listen(ears: Ears, model: str, audio: Path, language: str | None, piece: Piece | None = None) -> Hearing:
    """Hear a WAV file, or a piece of it; see ``transcribe.ports.Listen``.

    Raises:
        ModelUnavailable: the weights cannot be had.
        RecognizerMissing: the engine is not installed.
        UnreadableAudio: the file is not what ingest promises.
    """
    child.progress(0.0, "loading the model")
    folder = _weights(ears, model)
    recognizer = _recognizer(ears, folder, model)
    heard = recognizer.recognize(
        audio, language=language, progress=lambda fraction: child.progress(HEARD * fraction, "listening"), piece=piece
    )
    if ears.recognizer == "whisper" and heard.language == "en":
        from transcribe.adapters.sphinx import timed_in

        heard = timed_in(audio, heard, lambda done: child.progress(HEARD + (1 - HEARD) * done, "timing the words"))
    return Hearing(heard, recognizer.engine, model_named(model).sha256, *_loudness(audio, piece))


def _loudness(audio: Path, piece: Piece | None) -> tuple[tuple[float, ...], float | None]:
    """Of a file that is heard at once: that of one which is heard in pieces was measured when it was cut."""
    if piece is not None:
        return (), None
    from transcribe.adapters.loudness import levels_of
    from transcribe.adapters.wav import WavReader

    with WavReader(audio) as wav:
        return levels_of(wav)


def _weights(ears: Ears, model: str) -> Path:
    folder = ModelStore(ears.models_dir, ears.cache_dir).ensure(model_named(model))
    # The weights are here and verified; nothing below has any business on the network.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    return folder


def _recognizer(ears: Ears, folder: Path, model: str) -> Recognizer:
    if ears.recognizer == "whisperx":
        return _whisperx(ears, folder, model)
    from transcribe.adapters.whisper import WhisperRecognizer

    return WhisperRecognizer(
        folder,
        model,
        beam=ears.beam,
        threads=ears.threads,
        device=ears.device,
        compute_type=ears.compute_type,
        hints=ears.hints,
    )


def _whisperx(ears: Ears, folder: Path, model: str) -> Recognizer:
    if find_spec("whisperx") is None:
        raise RecognizerMissing(
            "TRANSCRIBE_RECOGNIZER=whisperx needs the engines extra, which is not installed. "
            "Install requirements/engines.txt, or set TRANSCRIBE_RECOGNIZER=whisper."
        )
    from transcribe.adapters.whisperx import WhisperXRecognizer

    return WhisperXRecognizer(
        folder,
        model,
        align_model=ears.align_model,
        threads=ears.threads,
        device=ears.device,
        compute_type=ears.compute_type,
    )
