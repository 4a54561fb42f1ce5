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
from transcribe.domain.heard import Hearing
from transcribe.ports import Ears, Recognizer

__all__ = ["listen"]


def listen(ears: Ears, model: str, audio: Path, language: str | None) -> Hearing:
    """Hear a WAV file; see ``transcribe.ports.Listen``.

    Raises:
        ModelUnavailable: the weights cannot be had.
        RecognizerMissing: the engine is not installed.
        UnreadableAudio: the file is not what ingest promises.
    """
    child.progress(0.0, "loading the model")
    weights = model_named(model)
    folder = ModelStore(ears.models_dir, ears.cache_dir).ensure(weights)
    # The weights are here and verified; nothing below has any business on the network.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    recognizer = _recognizer(ears, folder, model)
    heard = recognizer.recognize(
        audio, language=language, progress=lambda fraction: child.progress(fraction, "listening")
    )
    return Hearing(heard, recognizer.engine, weights.sha256)


def _recognizer(ears: Ears, folder: Path, model: str) -> Recognizer:
    if ears.recognizer == "whisperx":
        return _whisperx(ears, folder, model)
    from transcribe.adapters.whisper import WhisperRecognizer

    return WhisperRecognizer(
        folder, model, beam=ears.beam, threads=ears.threads, device=ears.device, compute_type=ears.compute_type
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
