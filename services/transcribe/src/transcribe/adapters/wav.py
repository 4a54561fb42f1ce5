"""The audio that ingest wrote, as samples."""

import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from transcribe.adapters.failures import UnreadableAudio

__all__ = ["SAMPLE_RATE", "WavReader"]

SAMPLE_RATE = 16_000
"""Samples a second: what ingest promises and every recognizer here wants."""
_AGAIN = "Submit the video again: ingest extracts the audio anew."


class WavReader:
    """A 16 kHz mono 16-bit WAV, read piece by piece.

    Raises:
        UnreadableAudio: on opening, when it is something else; on reading, when it is cut off.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115 - closed by __exit__
        except (wave.Error, EOFError) as error:
            raise UnreadableAudio(f"the audio is no WAV file ({error}). {_AGAIN}") from error
        shape = (self._file.getframerate(), self._file.getnchannels(), self._file.getsampwidth())
        if shape != (SAMPLE_RATE, 1, 2):
            self._file.close()
            raise UnreadableAudio(
                f"the audio has {shape[0]} samples a second, {shape[1]} channels and {8 * shape[2]} bits; "
                f"expected {SAMPLE_RATE}, 1 and 16. {_AGAIN}"
            )
        self.samples: int = self._file.getnframes()
        self.duration: float = self.samples / SAMPLE_RATE
        """Seconds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Up to ``count`` samples from ``start`` on, -1 to 1, shape ``(samples,)``."""
        expected = max(min(count, self.samples - start), 0)
        self._file.setpos(min(start, self.samples))
        samples = np.frombuffer(self._file.readframes(expected), "<i2")
        if len(samples) < expected:
            raise UnreadableAudio(f"the audio ends {expected - len(samples)} samples early. {_AGAIN}")
        return samples.astype(np.float32) / 32768.0
