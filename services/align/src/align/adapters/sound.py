"""Stretches of a WAV file, without reading the rest of it."""

import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from align.adapters.failures import UnusableSound
from align.adapters.sphinx import RATE

__all__ = ["Sound"]


class Sound:
    """A WAV file, open; call it with two times in seconds to get the samples between them."""

    def __init__(self, path: Path) -> None:
        try:
            self._wav = wave.open(str(path), "rb")  # noqa: SIM115 - closed by __exit__
        except (wave.Error, EOFError) as error:
            raise UnusableSound(f"audio.wav cannot be read ({error}). Ingest the video again.") from error
        shape = (self._wav.getframerate(), self._wav.getnchannels(), self._wav.getsampwidth())
        if shape != (RATE, 1, 2):
            self._wav.close()
            raise UnusableSound(f"audio.wav has (rate, channels, bytes) {shape}, not {(RATE, 1, 2)}.")
        self._size = self._wav.getnframes()

    def __call__(self, start: float, end: float) -> NDArray[np.int16]:
        """Samples from ``start`` up to ``end``, cut to what there is."""
        first = min(self._size, max(0, round(start * RATE)))
        last = min(self._size, max(first, round(end * RATE)))
        self._wav.setpos(first)
        return np.frombuffer(self._wav.readframes(last - first), dtype=np.int16)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wav.close()
