"""The result is seen as the source was meant to be seen."""

from fractions import Fraction

import pytest

from upscale.domain.geometry import Orientation, orientation_of, output_size, sample_aspect
from upscale.domain.refusals import UnsupportedVideo

ONE = 65536


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "expected"),
    [
        (1, 0, 0, 1, Orientation()),
        (0, -1, 1, 0, Orientation(swap=True, flip_y=True)),
        (0, 1, -1, 0, Orientation(swap=True, flip_x=True)),
        (-1, 0, 0, -1, Orientation(flip_x=True, flip_y=True)),
        (-1, 0, 0, 1, Orientation(flip_x=True)),
    ],
)
def test_a_display_matrix_is_read(a: int, b: int, c: int, d: int, expected: Orientation) -> None:
    assert orientation_of([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]) == expected


def test_a_skewed_picture_is_refused() -> None:
    with pytest.raises(UnsupportedVideo, match="multiple of 90"):
        orientation_of([46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30])


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [
        ((640, 360), 2, (1280, 720)),
        ((427, 241), 2, (854, 482)),
        ((427, 241), 3, (1282, 724)),
        ((427, 242), 4, (1708, 968)),
    ],
)
def test_both_sides_are_even_and_nothing_is_lost(size: tuple[int, int], scale: int, expected: tuple[int, int]) -> None:
    assert output_size(*size, scale=scale, orientation=Orientation()) == expected


def test_a_quarter_turn_swaps_the_sides_and_the_shape_of_pixels() -> None:
    turned = Orientation(swap=True)

    assert output_size(640, 266, scale=2, orientation=turned) == (532, 1280)
    assert sample_aspect(Fraction(2), turned) == Fraction(1, 2)
    assert sample_aspect(None, turned) == 1


def test_a_picture_no_player_takes_is_refused_before_any_work() -> None:
    with pytest.raises(UnsupportedVideo, match="32000x32000"):
        output_size(16000, 16000, scale=2, orientation=Orientation())
