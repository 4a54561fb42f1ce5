"""Frames that hardly differ from the one before: what stood still is kept, and only the rest is computed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.tiling import TiledEnhancer, window_of
from upscale.domain.tiles import Tile, TileTooSmall, plan_tiles
from upscale.ports import OutOfMemory

__all__ = ["ReusingEnhancer"]

_WINDOW_PIXELS = 160 * 160
"""Of the source: small enough to leave still places out, large enough not to be mostly overlap."""
_WORTH_IT = 0.8
"""Share of a frame's pixels above which computing the changed windows one by one saves nothing."""

Array = NDArray[Any]


class ReusingEnhancer:
    """Looks at the windows of each frame and computes those anew that changed since they were last computed.

    A window holds all that its core depends on. With ``still_codes`` 0 a window is kept only when no sample of it
    changed, so the result is what computing everything gives. With more, samples may stray by so many code values of
    8 bits from those that the kept core was computed from, which does not add up over frames.
    """

    def __init__(self, tiled: TiledEnhancer, *, still_codes: int = 0) -> None:
        self._tiled = tiled
        self._still_codes = still_codes
        self._shape: tuple[int, ...] = ()
        self._tiles: tuple[Tile, ...] = ()
        self._seen: list[Array] = []
        """What each window looked like when its core was computed."""
        self._result: Any = None

    @property
    def batch(self) -> int:
        """Frames it likes at once."""
        return self._tiled.batch

    def enhance(self, frames: Sequence[Array]) -> list[Array]:
        """Each ``(3, height, width)`` made larger; all of one size. The results are not to be written to."""
        return [self._one(frame) for frame in frames] if self.batch == 1 else self._many(frames)

    def _one(self, frame: Array) -> Array:
        changed = self._changed(frame)
        if changed and not self._mended(frame, changed):
            (self._result,), changed = self._tiled.enhance([frame]), self._tiles
        self._note(frame, changed)
        result: Array = self._result
        return result

    def _mended(self, frame: Array, changed: Sequence[Tile]) -> bool:
        """Whether computing these windows alone was worth it, and done."""
        if sum(tile.width * tile.height for tile in changed) > _WORTH_IT * frame[0].size:
            return False
        result = self._result.copy()
        try:
            self._tiled.redo(frame, changed, result)
        except OutOfMemory:
            return False
        self._result = result
        return True

    def _many(self, frames: Sequence[Array]) -> list[Array]:
        """Batches are there to be filled: only frames that stood still as a whole are left out."""
        fresh: list[Array] = []
        places = []
        for frame in frames:
            if self._changed(frame):
                fresh.append(frame)
                self._note(frame, self._tiles)
            places.append(len(fresh))
        known = [self._result, *(self._tiled.enhance(fresh) if fresh else ())]
        self._result = known[-1]
        return [known[place] for place in places]

    def _changed(self, frame: Array) -> Sequence[Tile]:
        """The windows that must be computed: all of them for the first frame, and after a change of size."""
        if frame.shape != self._shape:
            self._shape = frame.shape
            self._tiles = _small_tiles(frame, self._tiled.padding)
            self._seen = [np.empty(0)] * len(self._tiles)
            return self._tiles
        pairs = zip(self._tiles, self._seen, strict=True)
        return [tile for tile, seen in pairs if not self._still(seen, window_of(frame, tile))]

    def _still(self, seen: Array, now: Array) -> bool:
        if self._still_codes == 0:
            return np.array_equal(seen, now)
        codes = 1 if now.dtype == np.uint8 else 255
        return bool((np.abs(seen.astype(np.float32) - now) * codes <= self._still_codes).all())

    def _note(self, frame: Array, computed: Sequence[Tile]) -> None:
        for place, tile in enumerate(self._tiles):
            if tile in computed:
                self._seen[place] = window_of(frame, tile).copy()


def _small_tiles(frame: Array, padding: int) -> tuple[Tile, ...]:
    _, height, width = frame.shape
    try:
        return plan_tiles(width, height, max_pixels=min(_WINDOW_PIXELS, width * height), padding=padding)
    except TileTooSmall:
        return (Tile(0, 0, width, height, 0, 0, width, height),)
