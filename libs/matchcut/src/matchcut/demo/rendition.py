"""Looking at the rendition ourselves: its frames counted by decoding, its sound laid against the original's."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

__all__ = ["Decoded", "decode_rendition", "sound_offset_ms"]

_RATE = 16_000
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    """What a decoder finds in a rendition."""

    frames: int
    width: int
    height: int


def decode_rendition(path: Path) -> Decoded:
    """Decode every frame and count."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return Decoded(frames, stream.codec_context.width, stream.codec_context.height)


def sound_offset_ms(film: Path, rendition: Path, start_s: float, end_s: float) -> float | None:
    """How much later (positive) the rendition's sound is than the film's from ``start_s`` on; None without sound.

    Both are measured against their own first frame. By the peak of the cross-correlation.
    """
    original, copy = _sound(film), _sound(rendition)
    if original is None or copy is None:
        return None
    wanted = original[round(start_s * _RATE) : round(end_s * _RATE)]
    size = 1 << (len(wanted) + len(copy)).bit_length()
    agreement = np.fft.irfft(np.fft.rfft(copy, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lag = int(np.argmax(agreement))
    return (lag if lag < size // 2 else lag - size) / _RATE * 1000


def _sound(path: Path) -> Samples | None:
    """Mono samples; the first one is heard with the first video frame."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
    parts = []
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        video, voice = container.streams.video[0], container.streams.audio[0]
        first_frame = float((video.start_time or 0) * (video.time_base or 0))
        first_sound = float((voice.start_time or 0) * (voice.time_base or 0))
        for frame in container.decode(voice):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    sound = np.concatenate(parts).astype(np.float32)
    lead = round((first_sound - first_frame) * _RATE)
    return np.pad(sound, (lead, 0)) if lead > 0 else sound[-lead:]
