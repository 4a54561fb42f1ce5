"""The demo's sound: recordings cut in their pauses and laid one after another, to the sample."""

from dataclasses import dataclass
from functools import cache

import av
import numpy as np
import numpy.typing as npt

from matchcut.demo.edit import FPS, SPEECH, Utterance
from matchcut.demo.sources import DICKENS, Source

__all__ = ["RATE", "Placed", "compose_sound", "duration_of"]

RATE = 48_000
_FADE = RATE // 125
"""8 ms at either end of a cut: no click, and shorter than any sound of speech."""
_GAIN = {DICKENS.name: 3.0}
"""Brings the quiet reading to the level of the samples."""
_SPEECH_DB = -45.0
"""Louder than this is speech, in 10 ms windows of the source: its noise lies 15 dB lower."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Placed:
    """An utterance in the film: its clip, and the first and last sound in it, in seconds of the film."""

    utterance: Utterance
    clip_start: float
    clip_end: float
    start: float
    end: float


def compose_sound(frames: int) -> tuple[Samples, list[Placed]]:
    """Mono samples for ``frames`` of film at ``RATE``, and where everything is said."""
    film = np.zeros(frames * RATE // FPS, np.float32)
    placed, at = [], 0
    for utterance in SPEECH:
        recording = _recording(utterance.source)
        clip = recording[round(utterance.start * RATE) : round(utterance.end * RATE)].copy()
        first, last = _audible(clip)
        ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
        clip[:_FADE] *= ramp
        clip[-_FADE:] *= ramp[::-1]
        at += round(utterance.gap * RATE)
        film[at : at + clip.size] += clip * _GAIN.get(utterance.source.name, 1.0)
        placed.append(Placed(utterance, at / RATE, (at + clip.size) / RATE, (at + first) / RATE, (at + last) / RATE))
        at += clip.size
    return film, placed


def duration_of(speech: tuple[Utterance, ...]) -> float:
    """Seconds until the last word."""
    return sum(utterance.gap + utterance.end - utterance.start for utterance in speech)


def _audible(clip: Samples) -> tuple[int, int]:
    """First and one past the last sample of the windows that hold speech."""
    window = RATE // 100
    loudness = np.sqrt(np.mean(clip[: clip.size // window * window].reshape(-1, window) ** 2, axis=1))
    loud = np.flatnonzero(20 * np.log10(loudness + 1e-9) > _SPEECH_DB)
    return int(loud[0]) * window, int(loud[-1] + 1) * window


@cache
def _recording(source: Source) -> Samples:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    parts = []
    with av.open(str(source.locate())) as container:
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    parts += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)
