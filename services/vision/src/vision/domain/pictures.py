"""What a row of tiny pictures says about the film: how much changes, how bright it is, where it is one plain colour.

A tiny picture is 9x16 RGB, area-averaged from the frame. Three hours of them are about 120 MB, so a whole film can be
reasoned about at once. Arrays are ``[frames, 9, 16, 3]`` u8.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SOLID_SPREAD", "TINY_HEIGHT", "TINY_WIDTH", "Pictures", "shrink"]

TINY_HEIGHT, TINY_WIDTH = 9, 16

SOLID_SPREAD = 9.0
"""Standard deviation of luma (0..255) under which a picture is one plain colour."""

_BLOCK = 4096


def shrink(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tiny pictures of ``[n, 27, 48, 3]`` frames."""
    blocks = frames.reshape(len(frames), TINY_HEIGHT, 3, TINY_WIDTH, 3, 3)
    return np.asarray(np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)), np.uint8)


@dataclass(frozen=True)
class Pictures:
    """A film in tiny pictures, with what is asked of it most."""

    tiny: NDArray[np.uint8]
    change: NDArray[np.float32]
    """Mean absolute difference to the frame before; 0 for the first."""
    spread: NDArray[np.float32]
    """Standard deviation of luma within each picture."""

    @classmethod
    def of(cls, tiny: NDArray[np.uint8]) -> "Pictures":
        """Measure the film block by block, so that no float copy of all of it is ever held."""
        change, spread = np.zeros(len(tiny), np.float32), np.zeros(len(tiny), np.float32)
        for start in range(0, len(tiny), _BLOCK):
            block = tiny[max(0, start - 1) : start + _BLOCK].astype(np.float32)
            steps = np.abs(np.diff(block, axis=0)).mean(axis=(1, 2, 3))
            spreads = block.mean(axis=3).std(axis=(1, 2))
            if start == 0:
                steps, count = np.concatenate([[0.0], steps]), len(block)
            else:
                spreads, count = spreads[1:], len(block) - 1
            change[start : start + count], spread[start : start + count] = steps, spreads
        return cls(tiny, change, spread)

    def __len__(self) -> int:
        return len(self.tiny)

    def difference(self, a: int, b: int) -> float:
        """Mean absolute difference of two frames, 0..255; frames beyond the ends are the first and last."""
        return float(np.abs(self._at(a) - self._at(b)).mean())

    def likeness(self, a: int, b: int) -> float:
        """Correlation of two frames' luma, -1..1: blind to a change of light, near 1 for one camera position."""
        return likeness(self._at(a).mean(axis=2), self._at(b).mean(axis=2))

    def relit(self, a: int, b: int) -> float:
        """Share of the change from ``a`` to ``b`` that no change of light explains, 0..1."""
        before, after = self._at(a).mean(axis=2).ravel(), self._at(b).mean(axis=2).ravel()
        visible = (before < 250) & (after < 250)
        if visible.sum() < before.size / 4:
            return 1.0
        before, after = before[visible], after[visible]
        variance = float(before.var())
        gain = float(((before - before.mean()) * (after - after.mean())).mean()) / (variance + 1.0)
        residual = after - after.mean() - gain * (before - before.mean())
        return float(min(1.0, np.abs(residual).mean() / (np.abs(after - before).mean() + 0.1)))

    def solid(self, frames: Iterable[int]) -> list[int]:
        """Those of the frames that are one plain colour."""
        return [frame for frame in frames if 0 <= frame < len(self) and self.spread[frame] < SOLID_SPREAD]

    def _at(self, frame: int) -> NDArray[np.float32]:
        return np.asarray(self.tiny[min(max(frame, 0), len(self.tiny) - 1)], np.float32)


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation of two pictures, damped so that plain ones are like nothing."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean() / (a.std() * b.std() + 4.0))
