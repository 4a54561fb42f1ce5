"""Rotation, pixel shape and the sizes that follow."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.domain.shape import Size, clockwise, displayed, fitted

sides = st.integers(min_value=1, max_value=20_000)


@pytest.mark.parametrize(("matrix", "clock"), [(0, 0), (90, 270), (-90, 90), (180, 180), (-180, 180), (-89, 90)])
def test_players_turn_the_other_way_round_than_the_display_matrix_counts(matrix: int, clock: int) -> None:
    turned = clockwise(matrix)

    assert turned == clock


@pytest.mark.parametrize(
    ("coded", "sar", "rotation", "shown"),
    [
        (Size(320, 360), Fraction(2), 0, Size(640, 360)),
        (Size(720, 576), Fraction(16, 15), 0, Size(768, 576)),
        (Size(640, 266), Fraction(19024, 19043), 270, Size(266, 640)),
        (Size(640, 266), Fraction(53067, 53120), 180, Size(640, 266)),
        (Size(427, 241), Fraction(1), 0, Size(427, 241)),
    ],
)
def test_displayed_size_has_square_pixels_and_stands_upright(
    coded: Size, sar: Fraction, rotation: int, shown: Size
) -> None:
    size = displayed(coded, sar=sar, rotation=rotation)

    assert size == shown


@given(sides, sides, st.integers(min_value=16, max_value=4096))
def test_a_fitted_picture_is_even_within_bounds_and_of_the_same_shape(width: int, height: int, longest: int) -> None:
    size = fitted(Size(width, height), longest=longest)

    assert size.width % 2 == size.height % 2 == 0
    assert 2 <= size.width <= max(longest, 2)
    assert 2 <= size.height <= max(longest, 2)
    scale = min(Fraction(1), Fraction(longest, max(width, height)))
    assert abs(size.width - max(Fraction(2), width * scale)) <= 2
    assert abs(size.height - max(Fraction(2), height * scale)) <= 2
