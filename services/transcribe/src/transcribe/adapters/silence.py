"""Where a recording is quiet, by its loudness alone: finer than a voice detector, which works in steps of 30 ms."""

import numpy as np
from numpy.typing import NDArray

from transcribe.adapters.wav import SAMPLE_RATE

__all__ = ["quiet_stretches"]

STEP = SAMPLE_RATE // 100
"""Samples per measurement: 10 ms."""
AROUND = 300
"""Measurements before and after that say what is loud here: 3 s."""
BLOCK = 100
ABOVE_FLOOR_DB = 15.0
BELOW_SPEECH_DB = 20.0
SHORTEST = 10
"""Measurements; shorter gaps are stops within words."""


def quiet_stretches(samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Stretches of at least 0.1 s, ``(start, end)`` in seconds, that are far quieter than the speech around them.

    Quiet is what lies within 15 dB of the background (5th percentile of 6 s) and 20 dB under the speech (95th).
    """
    count = len(samples) // STEP
    if not count:
        return []
    power = np.mean(samples[: count * STEP].reshape(count, STEP) ** 2, axis=1)
    loudness = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-10)
    quiet = np.zeros(count, bool)
    for start in range(0, count, BLOCK):
        around = loudness[max(0, start - AROUND) : start + BLOCK + AROUND]
        floor, speech = np.percentile(around, [5, 95])
        limit = min(floor + ABOVE_FLOOR_DB, speech - BELOW_SPEECH_DB)
        quiet[start : start + BLOCK] = loudness[start : start + BLOCK] < limit
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]]))).reshape(-1, 2)
    step_s = STEP / SAMPLE_RATE
    return [(float(start) * step_s, float(end) * step_s) for start, end in edges if end - start >= SHORTEST]
