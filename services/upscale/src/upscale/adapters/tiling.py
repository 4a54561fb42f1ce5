"""Whole frames through an enhancer that may be too small for them. A frame is never given up for want of memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chassis.telemetry import get_logger
from upscale.domain.tiles import Tile, TileTooSmall, plan_tiles
from upscale.ports import Enhancer, OutOfMemory

__all__ = ["TiledEnhancer", "window_of"]

_log = get_logger("upscale.tiling")


class TiledEnhancer:
    """Cuts frames into tiles of at most ``tile_pixels``; on out of memory halves that and goes on with the same frame.

    What was learnt holds for the frames after it. Raises OutOfMemory only when not even the smallest tile fits.
    """

    def __init__(self, enhancer: Enhancer, *, scale: int, tile_pixels: int) -> None:
        self._enhancer = enhancer
        self._scale = scale
        self._tile_pixels = tile_pixels
        self.learnt_pixels: int | None = None
        """The largest tile there was memory for; None as long as memory never ran out."""

    @property
    def batch(self) -> int:
        """Frames it likes at once."""
        return self._enhancer.batch

    @property
    def padding(self) -> int:
        """How far a pixel of the source can be felt."""
        return self._enhancer.padding

    def enhance(self, frames: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Each ``(3, height, width)`` made larger; all of one size."""
        while True:
            _, height, width = frames[0].shape
            try:
                tiles = plan_tiles(
                    width, height, max_pixels=min(self._tile_pixels, width * height), padding=self._enhancer.padding
                )
            except TileTooSmall as error:
                raise OutOfMemory(f"not even the smallest tile fits into memory: {error}") from error
            try:
                return self._enhanced(frames, tiles)
            except OutOfMemory as error:
                window = tiles[0].width * tiles[0].height
                self._tile_pixels = self.learnt_pixels = window // 2
                _log.warning("out of memory: smaller tiles", pixels=self._tile_pixels, error=str(error)[:200])

    def redo(self, frame: NDArray[Any], tiles: Sequence[Tile], result: NDArray[Any]) -> None:
        """Compute these tiles of a frame and put them into ``result``. Raises OutOfMemory."""
        self._fill([(frame, result, tile) for tile in tiles])

    def _enhanced(self, frames: Sequence[NDArray[Any]], tiles: Sequence[Tile]) -> list[NDArray[Any]]:
        scale = self._scale
        channels, height, width = frames[0].shape
        results = [np.empty((channels, height * scale, width * scale), frame.dtype) for frame in frames]
        self._fill([(frame, result, tile) for frame, result in zip(frames, results, strict=True) for tile in tiles])
        return results

    def _fill(self, wanted: Sequence[tuple[NDArray[Any], NDArray[Any], Tile]]) -> None:
        for start in range(0, len(wanted), self._enhancer.batch):
            group = wanted[start : start + self._enhancer.batch]
            sharp = self._enhancer.enhance(np.stack([window_of(frame, tile) for frame, _, tile in group]))
            for (_, result, tile), window in zip(group, sharp, strict=True):
                _keep(result, window, tile, self._scale)


def window_of(frame: NDArray[Any], tile: Tile) -> NDArray[Any]:
    """What is computed for a tile, before it is."""
    return frame[:, tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]


def _keep(result: NDArray[Any], window: NDArray[Any], tile: Tile, scale: int) -> None:
    """Put the core of a computed window where it belongs."""
    top, left = (tile.core_top - tile.top) * scale, (tile.core_left - tile.left) * scale
    high, wide = tile.core_height * scale, tile.core_width * scale
    y, x = tile.core_top * scale, tile.core_left * scale
    result[:, y : y + high, x : x + wide] = window[:, top : top + high, left : left + wide]
