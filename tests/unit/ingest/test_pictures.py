"""Thumbnails, the poster, and pictures of high dynamic range."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.domain.colour import name_colour
from ingest.domain.stills import MOMENTS, Look, moments
from ingest.domain.tonemap import to_standard_range


@given(st.fractions(min_value=Fraction(1, 100), max_value=100_000))
def test_moments_are_spread_evenly_and_all_lie_within_the_film(duration: Fraction) -> None:
    times = moments(duration)

    assert len(times) == MOMENTS
    assert 0 < times[0] < times[-1] < duration
    assert len({later - earlier for earlier, later in pairwise(times)}) == 1


def test_a_lit_picture_makes_a_better_poster_than_a_black_or_blown_out_one() -> None:
    lit, black, white = Look(120, 40), Look(3, 60), Look(250, 60)

    assert lit.merit > max(black.merit, white.merit)


def test_graphics_white_of_pq_is_bright_and_its_black_is_black() -> None:
    white, black = round(0.5807 * 65535), 0  # 203 nits in PQ, ITU-R BT.2408
    picture = np.array([[[white] * 3, [black] * 3, [65535] * 3]], dtype=np.uint16)

    shown = to_standard_range(picture, "pq")

    assert 170 <= shown[0, 0].min() <= shown[0, 0].max() <= 230
    assert shown[0, 1].max() == 0
    assert shown[0, 2].min() == 255


def test_hlg_rises_from_black_to_white() -> None:
    ramp = np.repeat(np.linspace(0, 65535, 50).astype(np.uint16)[None, :, None], 3, axis=2)

    shown = to_standard_range(ramp, "hlg")[0, :, 0].astype(int)

    assert shown[0] == 0
    assert shown[-1] >= 250
    assert (np.diff(shown) >= 0).all()


def test_colours_are_named_as_ffmpeg_names_them() -> None:
    colour = name_colour(pixel_format="yuv420p10le", bit_depth=10, colour_range=1, primaries=9, transfer=16, matrix=9)
    silent = name_colour(pixel_format="yuv420p", bit_depth=8, colour_range=0, primaries=2, transfer=2, matrix=2)

    assert (colour.range, colour.primaries, colour.transfer, colour.matrix) == ("tv", "bt2020", "smpte2084", "bt2020nc")
    assert colour.hdr == "pq"
    assert (silent.range, silent.primaries, silent.hdr) == ("unknown", "unknown", None)
