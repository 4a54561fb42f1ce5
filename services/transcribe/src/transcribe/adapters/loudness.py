"""How loud a recording is, tenth of a second by tenth of a second, as ears hear it (ITU-R BS.1770-4)."""

from math import log10

import numpy as np
from numpy.typing import NDArray

from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.sound import STEP_S

__all__ = ["levels_of"]

_STEP = round(STEP_S * SAMPLE_RATE)
_WINDOW = 600 * _STEP
"""Samples in memory at once: a minute."""
_QUIETEST = 1e-10
"""Power under which there is nothing: -100 LUFS."""


def levels_of(wav: WavReader) -> tuple[tuple[float, ...], float | None]:
    """Loudness of each tenth of a second in LUFS, and the largest sample in decibels under full scale."""
    weights = _weights()
    levels: list[float] = []
    largest = 0.0
    for start in range(0, wav.samples - _STEP + 1, _WINDOW):
        samples = wav.read(start, _WINDOW)
        largest = max(largest, float(np.max(np.abs(samples), initial=0.0)))
        blocks = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
        power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2 @ weights
        levels += np.round(-0.691 + 10 * np.log10(np.maximum(power, _QUIETEST)), 1).tolist()
    return tuple(levels), round(20 * log10(largest), 1) if largest else None


def _weights() -> NDArray[np.float64]:
    """What each frequency of a block counts: the response of the two filters of the standard, at our sample rate."""
    phase = np.exp(-2j * np.pi * np.arange(_STEP // 2 + 1) / _STEP)
    gain, quality = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    turn = np.tan(np.pi * 1681.974450955533 / SAMPLE_RATE)
    middle = gain**0.4996667741545416
    shelf = _response(
        phase,
        (gain + middle * turn / quality + turn**2, 2 * (turn**2 - gain), gain - middle * turn / quality + turn**2),
        (1 + turn / quality + turn**2, 2 * (turn**2 - 1), 1 - turn / quality + turn**2),
    )
    quality, turn = 0.5003270373238773, np.tan(np.pi * 38.13547087602444 / SAMPLE_RATE)
    bottom = (1 + turn / quality + turn**2, 2 * (turn**2 - 1), 1 - turn / quality + turn**2)
    high = _response(phase, (bottom[0], -2 * bottom[0], bottom[0]), bottom)
    both = (np.abs(shelf) * np.abs(high)) ** 2
    sides = np.full(len(phase), 2.0)
    sides[0] = sides[-1] = 1.0
    weights: NDArray[np.float64] = both * sides / _STEP**2
    return weights


Biquad = tuple[float, float, float]


def _response(phase: NDArray[np.complex128], top: Biquad, bottom: Biquad) -> NDArray[np.complex128]:
    above = top[0] + top[1] * phase + top[2] * phase**2
    below = bottom[0] + bottom[1] * phase + bottom[2] * phase**2
    response: NDArray[np.complex128] = above / below
    return response
