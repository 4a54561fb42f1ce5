"""The sound as speech engines want it: 16 kHz, mono, 16 bits, sample 0 heard with the first frame.

Runs in the child process.
"""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

__all__ = ["SoundTape", "sound_tape"]

RATE = 16_000
_JITTER = RATE // 50
"""20 ms: containers round times to their clock. Less is taken as rounding, more as a gap or an overlap."""
_LONGEST_GAP_S = 24 * 3600
_CHUNK = RATE * 60


class SoundTape:
    """Lays decoded sound where its timestamps say: silence into gaps, overlaps cut, all from the first frame on."""

    def __init__(self, target: wave.Wave_write) -> None:
        self._target = target
        self._origin: Fraction | None = None
        self._waiting: list[AudioFrame] = []
        self._resampler: AudioResampler | None = None
        self._setup: tuple[str, str, int] | None = None
        self._clock = Fraction(0)
        self._written = 0
        self.first: Fraction | None = None
        """Seconds of the container's clock at the first sample."""

    @property
    def seconds(self) -> Fraction:
        """How long the tape is."""
        return Fraction(self._written, RATE)

    @property
    def heard(self) -> bool:
        """Whether there was any sound, be it silence."""
        return self.first is not None

    def begin(self, origin: Fraction) -> None:
        """Say when the first frame is shown, in seconds of the container's clock. Sound before it is left out."""
        self._origin = origin
        waiting, self._waiting = self._waiting, []
        for frame in waiting:
            self.add(frame)

    def add(self, frame: AudioFrame) -> None:
        """Take decoded sound, in the order of decoding; it waits until the origin is known."""
        if self._origin is None:
            self._waiting.append(frame)
            return
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        if setup != self._setup:
            self._flush()
            self._resampler, self._setup = AudioResampler("s16", "mono", RATE), setup
        assert self._resampler is not None
        frame.time_base = frame.time_base or Fraction(1, frame.sample_rate)
        if frame.pts is None:
            frame.pts = round(self._clock / frame.time_base)
        start = frame.pts * frame.time_base
        self._clock = start + Fraction(frame.samples, frame.sample_rate)
        if self.first is None:
            self.first = start
        for piece in self._resampler.resample(frame):
            self._lay(piece)

    def end(self) -> None:
        """Write what the resampler still holds."""
        if self._origin is not None:
            self._flush()

    def _flush(self) -> None:
        if self._resampler is not None:
            for piece in self._resampler.resample(None):
                self._lay(piece)
        self._resampler = self._setup = None

    def _lay(self, piece: AudioFrame) -> None:
        assert self._origin is not None
        samples: NDArray[np.int16] = piece.to_ndarray().reshape(-1).astype("<i2", copy=False)
        if piece.pts is not None and piece.time_base is not None:
            offset = round((piece.pts * piece.time_base - self._origin) * RATE) - self._written
            # The first sample is laid exactly; later ones follow without a seam as long as the clock only jitters.
            if self._written == 0 or abs(offset) > _JITTER:
                self._pad(min(offset, _LONGEST_GAP_S * RATE))
                samples = samples[max(0, -offset) :]
        self._target.writeframesraw(samples.tobytes())
        self._written += len(samples)

    def _pad(self, count: int) -> None:
        while count > 0:
            chunk = min(count, _CHUNK)
            self._target.writeframesraw(bytes(2 * chunk))
            self._written += chunk
            count -= chunk


@contextmanager
def sound_tape(path: Path) -> Iterator[SoundTape]:
    """A tape that is written to ``path`` as WAV."""
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        tape = SoundTape(target)
        yield tape
        tape.end()
