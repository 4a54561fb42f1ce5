"""What an operator may tune."""

import os
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from chassis.run import ServiceSettings

__all__ = ["Settings"]

ModelName = Literal["whisper-base", "whisper-tiny.en", "whisper-small", "whisper-large-v2"]


class Settings(ServiceSettings):
    """``TRANSCRIBE_*`` in the environment, read once, in ``main``."""

    model_config = SettingsConfigDict(env_prefix="TRANSCRIBE_", frozen=True, extra="ignore")

    recognizer: Literal["whisper", "whisperx"] = "whisper"
    """``whisperx`` needs the engines extra."""
    model_accurate: ModelName = "whisper-base"
    """Heard with unless a job asks for ``fast``."""
    model_fast: ModelName = "whisper-tiny.en"
    beam: PositiveInt = 5
    """Readings of a passage followed at once. 1 is a third faster, but can lose the rest of a 30 s window (README)."""
    threads: NonNegativeInt = Field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """CPU threads of one task; as many as there are cores."""
    device: Literal["cpu", "cuda"] = "cpu"
    compute_type: Literal["int8", "int8_float16", "float16", "float32"] = "int8"
    align_model: str | None = None
    """WhisperX only: folder or hub name of a wav2vec2 model; None takes WhisperX's own choice for the language."""
    piece_s: PositiveFloat = 600.0
    """Seconds; what lasts more than half as long again is cut at silences, and its pieces are heard by all workers."""
    pause_s: PositiveFloat = 0.6
    """Seconds of silence that end a segment."""
    longest_segment_s: PositiveFloat = 12.0
    """Seconds; a segment that would last longer is cut."""
