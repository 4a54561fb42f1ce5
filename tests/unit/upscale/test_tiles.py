"""Tiles cover a frame, overlap enough, and survive a machine with too little memory."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from upscale.adapters.tiling import TiledEnhancer
from upscale.domain.tiles import Tile, TileTooSmall, plan_tiles
from upscale.ports import OutOfMemory

sides = st.integers(1, 400)


@given(width=sides, height=sides, padding=st.integers(0, 20), share=st.floats(0.05, 1))
@settings(max_examples=60)
def test_cores_cover_every_pixel_once_and_lie_deep_enough_in_windows_of_one_size(
    width: int, height: int, padding: int, share: float
) -> None:
    try:
        tiles = plan_tiles(width, height, max_pixels=max(1, int(width * height * share)), padding=padding)
    except TileTooSmall:
        return

    covered = np.zeros((height, width), int)
    for tile in tiles:
        covered[_core(tile)] += 1
        assert _enough_around(tile.left, tile.width, tile.core_left, tile.core_width, width, padding)
        assert _enough_around(tile.top, tile.height, tile.core_top, tile.core_height, height, padding)
    assert (covered == 1).all()
    assert len({(tile.width, tile.height) for tile in tiles}) == 1


def _core(tile: Tile) -> tuple[slice, slice]:
    rows = slice(tile.core_top, tile.core_top + tile.core_height)
    return rows, slice(tile.core_left, tile.core_left + tile.core_width)


def _enough_around(window: int, size: int, core: int, core_size: int, frame: int, padding: int) -> bool:
    before = window == 0 or core - window >= padding
    after = window + size == frame or window + size - core - core_size >= padding
    return before and after and window >= 0 and window + size <= frame


def test_a_frame_that_fits_is_one_tile() -> None:
    assert plan_tiles(640, 360, max_pixels=640 * 360, padding=18) == (Tile(0, 0, 640, 360, 0, 0, 640, 360),)


class Blurring:
    """Mean of a cross of five pixels, repeated: a network with a reach of 1, on a machine of little memory."""

    engine = "blurring"
    padding = 1
    batch = 2

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self.windows: list[tuple[int, ...]] = []

    def enhance(self, pictures: NDArray[Any], /) -> NDArray[Any]:
        self.windows.append(pictures.shape)
        if pictures[0, 0].size > self._memory:
            raise OutOfMemory("too large")
        framed = np.pad(pictures.astype(int), ((0, 0), (0, 0), (1, 1), (1, 1)))
        cross = framed[:, :, 1:-1, 1:-1] + framed[:, :, :-2, 1:-1] + framed[:, :, 2:, 1:-1]
        cross += framed[:, :, 1:-1, :-2] + framed[:, :, 1:-1, 2:]
        mean: NDArray[Any] = (cross // 5).astype(np.uint8)
        return mean.repeat(2, axis=2).repeat(2, axis=3)


@pytest.mark.parametrize("memory", [10_000, 4_000, 1_500])
def test_out_of_memory_halves_the_tile_and_no_frame_is_lost_or_changed(memory: int) -> None:
    frames = [np.random.default_rng(seed).integers(0, 256, (3, 90, 110), np.uint8) for seed in range(3)]
    whole = TiledEnhancer(Blurring(memory=10**9), scale=2, tile_pixels=10**9).enhance(frames)

    poor = Blurring(memory)
    tiled = TiledEnhancer(poor, scale=2, tile_pixels=10**9).enhance(frames)

    assert all((a == b).all() for a, b in zip(tiled, whole, strict=True))
    assert poor.windows[-1][2] * poor.windows[-1][3] <= memory


def test_what_was_learnt_about_memory_holds_for_the_next_frame() -> None:
    poor = Blurring(memory=4_000)
    tiled = TiledEnhancer(poor, scale=2, tile_pixels=10**9)
    frame = np.zeros((3, 90, 110), np.uint8)
    tiled.enhance([frame])
    poor.windows.clear()

    tiled.enhance([frame])

    assert all(window[2] * window[3] <= 4_000 for window in poor.windows)


def test_a_machine_without_any_memory_is_an_error_and_not_a_missing_frame() -> None:
    tiled = TiledEnhancer(Blurring(memory=5), scale=2, tile_pixels=10**9)

    with pytest.raises(OutOfMemory, match="smallest tile"):
        tiled.enhance([np.zeros((3, 90, 110), np.uint8)])
