"""Colours come back as they went in, and those that could not are refused."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upscale.domain.color import Color, Siting, Tags, luma_weights, resolve
from upscale.domain.geometry import Orientation
from upscale.domain.planes import beyond, oriented, restored, to_rgb, to_yuv420
from upscale.domain.refusals import UnsupportedColor

MATRICES = (1, 4, 5, 6, 7, 9)
SITINGS: tuple[Siting, ...] = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def tags(**changes: Any) -> Tags:
    values: dict[str, Any] = {
        "full_range": False, "primaries": 1, "transfer": 1, "matrix": 1, "siting": None, "bits": 8,
    }  # fmt: skip
    return Tags(**{**values, **changes})


@given(
    level=st.tuples(*[st.floats(0, 1)] * 3),
    matrix=st.sampled_from(MATRICES),
    full=st.booleans(),
    siting=st.sampled_from(SITINGS),
    bits=st.sampled_from((8, 10)),
)
def test_a_flat_colour_comes_back_within_one_code_value(
    level: tuple[float, float, float], matrix: int, full: bool, siting: Siting, bits: int
) -> None:
    color = Color(full, 2, 2, matrix, siting, bits)
    rgb = np.broadcast_to(np.array(level, np.float32).reshape(3, 1, 1), (3, 4, 6))
    stored = np.rint(rgb * 255).astype(np.uint8) if bits == 8 else rgb.astype(np.float32)

    yuv = to_yuv420(stored, color)
    again = to_yuv420(to_rgb(yuv, color), color)

    for before, after in zip(yuv, again, strict=True):
        assert np.abs(before.astype(int) - after.astype(int)).max() <= 1


@pytest.mark.parametrize(("matrix", "full"), list(product(MATRICES, (False, True))))
def test_the_matrix_is_the_standards(matrix: int, full: bool) -> None:
    color = Color(full, 2, 2, matrix, "left", 8)
    kr, kg, kb = luma_weights(matrix)
    red = np.zeros((3, 2, 2), np.uint8)
    red[0] = 255

    y, cb, cr = (int(plane[0, 0]) for plane in to_yuv420(red, color))

    span, zero, chroma = (255, 0, 255) if full else (219, 16, 224)
    assert y == round(zero + span * kr)
    assert cb == round(128 - chroma * kr / (2 * (1 - kb)))
    assert cr == min(255, round(128 + chroma / 2))
    assert kr + kg + kb == pytest.approx(1)


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_chroma_stays_where_it_was_through_a_change_of_size(siting: Siting) -> None:
    color = Color(True, 1, 1, 1, siting, 8)
    ramp = np.tile(np.linspace(60, 200, 32), (32, 1))
    planes = np.full((64, 64), 128, np.uint8), np.rint(ramp).astype(np.uint8), np.rint(ramp.T).astype(np.uint8)

    again = to_yuv420(to_rgb(planes, color), color)

    for before, after in zip(planes, again, strict=True):
        assert np.abs(before.astype(int) - after.astype(int))[2:-2, 2:-2].max() <= 1


@pytest.mark.parametrize(("width", "height"), [(7, 5), (8, 5), (7, 6)])
def test_odd_pictures_have_their_last_chroma_too(width: int, height: int) -> None:
    chroma = np.full((-(-height // 2), -(-width // 2)), 100, np.uint8)

    rgb = to_rgb((np.full((height, width), 90, np.uint8), chroma, chroma), Color(False, 1, 1, 1, "left", 8))

    assert rgb.shape == (3, height, width)
    assert len(np.unique(rgb.reshape(3, -1), axis=1).T) == 1


def test_a_turned_picture_is_turned_by_its_pixels_and_odd_sides_are_made_even() -> None:
    rgb = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)

    quarter = oriented(rgb, Orientation(swap=True, flip_y=True))

    assert quarter.shape == (3, 4, 2)
    assert (quarter[:, :3] == np.rot90(rgb, axes=(1, 2))).all()
    assert (quarter[:, 3] == quarter[:, 2]).all()


@pytest.mark.parametrize(
    ("transfer", "bits", "matrix", "word"),
    [(16, 10, 9, "PQ"), (18, 10, 9, "HLG"), (1, 12, 1, "12 bits"), (1, 8, 8, "matrix"), (1, 8, 14, "matrix")],
)
def test_colours_that_would_not_survive_are_refused(transfer: int, bits: int, matrix: int, word: str) -> None:
    with pytest.raises(UnsupportedColor, match=word):
        resolve(tags(transfer=transfer, bits=bits, matrix=matrix), width=640, height=360)


@pytest.mark.parametrize(
    ("size", "matrix", "primaries"),
    [((640, 360), 6, 2), ((720, 480), 6, 6), ((720, 576), 6, 5), ((1280, 720), 1, 2), ((720, 1280), 1, 2)],
)
def test_what_a_player_would_guess_by_size_is_written_down(size: tuple[int, int], matrix: int, primaries: int) -> None:
    color = resolve(tags(matrix=2, primaries=2, transfer=2, full_range=None), width=size[0], height=size[1])

    assert (color.matrix, color.primaries, color.transfer, color.full_range) == (matrix, primaries, 2, False)


def test_what_the_source_says_is_kept() -> None:
    color = resolve(
        tags(full_range=True, primaries=9, transfer=14, matrix=9, siting="topleft", bits=10), width=1, height=1
    )

    assert color == Color(True, 9, 14, 9, "topleft", 10)


@pytest.mark.parametrize("bits", [8, 10])
def test_what_is_darker_than_black_and_brighter_than_white_stays_so(bits: int) -> None:
    step = 1 << (bits - 8)
    color = Color(False, 1, 1, 1, "left", bits)
    kind = np.uint8 if bits == 8 else np.uint16
    luma = np.repeat(np.array([2, 16, 100, 235, 250]) * step, 8).astype(kind)[None].repeat(8, axis=0)
    grey = np.full((4, 20), 128 * step, kind)

    outside = beyond(luma, color)
    assert outside is not None
    large = to_yuv420(to_rgb((luma, grey, grey), color).repeat(2, axis=1).repeat(2, axis=2), color)
    again = restored(large, outside, scale=2, orientation=Orientation(), color=color)

    middles = again[0][8, 8::16].astype(int)
    assert np.abs(middles - np.array([2, 16, 100, 235, 250]) * step).max() <= 1


def test_ordinary_pictures_have_nothing_beyond_black_and_white() -> None:
    luma = np.array([[16, 235]], np.uint8)

    assert beyond(luma, Color(False, 1, 1, 1, "left", 8)) is None
    assert beyond(luma * 0, Color(True, 1, 1, 1, "left", 8)) is None


def test_what_is_beyond_is_turned_with_the_picture() -> None:
    color = Color(False, 1, 1, 1, "left", 8)
    luma = np.full((4, 6), 100, np.uint8)
    luma[0, 0] = 2
    outside = beyond(luma, color)
    assert outside is not None
    turned = Orientation(swap=True, flip_y=True)
    planes = to_yuv420(oriented(np.zeros((3, 4, 6), np.uint8).repeat(2, 1).repeat(2, 2), turned), color)

    darker = restored(planes, outside, scale=2, orientation=turned, color=color)[0] < planes[0]

    assert darker.shape == (12, 8)
    assert darker[-2:, :2].all()
    assert not darker[:-4].any()
