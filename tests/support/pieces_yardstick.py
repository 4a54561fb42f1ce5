"""Speech to text as the documentation of faster-whisper shows it."""

from pathlib import Path

from faster_whisper import WhisperModel

from transcribe.adapters.voices import VOICE

__all__ = ["bare_words"]


def bare_words(model: Path, audio: Path, beam: int, threads: int) -> str:
    """What is said in a file, heard at once."""
    whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    segments, _ = whisper.transcribe(
        str(audio),
        beam_size=beam,
        word_timestamps=True,
        vad_filter=True,
        vad_parameters=VOICE,
        condition_on_previous_text=False,
    )
    return " ".join(word.word.strip() for segment in segments for word in segment.words or ())
