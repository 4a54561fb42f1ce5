"""High dynamic range on an ordinary screen: for poster and thumbnails, where a filter graph would be too much."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["to_standard_range"]

# SMPTE ST 2084 (PQ), its constants.
_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128
# ARIB STD-B67 (HLG), its constants.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_WHITE_NITS = 203.0
"""Where graphics white lies in HDR, ITU-R BT.2408."""
_PEAK = 1000.0 / _WHITE_NITS
"""What is mapped to the brightest the screen can show."""
# Linear BT.2020 to linear BT.709, ITU-R BT.2087.
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)


def to_standard_range(rgb: NDArray[np.uint16], transfer: Literal["pq", "hlg"]) -> NDArray[np.uint8]:
    """Map full-range BT.2020 R'G'B' (height, width, 3; 16 bits) to 8-bit sRGB-like R'G'B'."""
    signal = np.divide(rgb, 65535, dtype=np.float32)
    light = _from_pq(signal) if transfer == "pq" else _from_hlg(signal)
    light = np.maximum(light @ _TO_709.T, 0)
    # Extended Reinhard: dark and middle tones stay, highlights roll off to white at the peak.
    light = light * (1 + light / _PEAK**2) / (1 + light)
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5, dtype=np.uint8)


def _from_pq(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light relative to graphics white."""
    root = signal ** (1 / _M2)
    nits = 10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return np.asarray(nits / _WHITE_NITS, dtype=np.float32)


def _from_hlg(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light relative to graphics white on a display of 1000 nits (system gamma 1.2)."""
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
    return np.asarray(scene * np.maximum(luma, 1e-6)[..., None] ** 0.2 * _PEAK, dtype=np.float32)
