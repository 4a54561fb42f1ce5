"""Which frames a range means, and in which order a decoder gets them."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upscale.domain.refusals import EmptyRange
from upscale.domain.timeline import decode_times, frames_in_range, rising

NTSC = Fraction(1, 30000)
SECOND_OF_NTSC = [50 + 1001 * number for number in range(30)]


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        (None, None, (0, 30)),
        (0.0, 0.033, (0, 1)),
        (0.033, None, (1, 30)),  # 0.03337 rounded down still means its frame
        (0.067, None, (2, 30)),  # 0.06673 rounded up does too
        (0.034, 0.1, (2, 3)),
        (None, 99.0, (0, 30)),
    ],
)
def test_a_range_means_the_frames_from_its_start_up_to_its_end(
    start: float | None, end: float | None, frames: tuple[int, int]
) -> None:
    assert frames_in_range(SECOND_OF_NTSC, NTSC, start=start, end=end) == frames


@pytest.mark.parametrize(("start", "end"), [(1.0, None), (0.5, 0.5), (0.51, 0.52)])
def test_a_range_without_frames_says_where_the_video_ends(start: float, end: float | None) -> None:
    with pytest.raises(EmptyRange, match=r"0\.968 s"):
        frames_in_range(SECOND_OF_NTSC, NTSC, start=start, end=end)


@given(
    gaps=st.lists(st.integers(1, 5000), min_size=1, max_size=200),
    start=st.floats(0, 3), length=st.floats(0.01, 3),
)  # fmt: skip
def test_frames_of_a_range_lie_in_it_and_their_neighbours_do_not(gaps: list[int], start: float, length: float) -> None:
    pts = [sum(gaps[:number]) for number in range(len(gaps))]
    base, slack = Fraction(1, 1000), Fraction(1, 2000)

    try:
        first, end = frames_in_range(pts, base, start=start, end=start + length)
    except EmptyRange:
        first = end = next((n for n, tick in enumerate(pts) if tick * base >= Fraction(start) - slack), len(pts))

    inside = {
        n for n, tick in enumerate(pts) if Fraction(start) - slack <= tick * base < Fraction(start + length) - slack
    }
    assert inside == set(range(first, end))


def test_missing_and_falling_times_are_mended_so_that_frames_keep_their_order() -> None:
    assert rising([None, 40, None, 30, 200], [40, 40, 40, 40, 40]) == ([0, 40, 80, 81, 200], 3)
    assert rising([5, 6], [1, 1]) == ([5, 6], 0)


@given(gaps=st.lists(st.integers(1, 900), min_size=1, max_size=60), group=st.integers(1, 5))
def test_decode_times_rise_and_never_lie_after_the_frame_is_shown(gaps: list[int], group: int) -> None:
    shown = [sum(gaps[:number]) for number in range(len(gaps))]
    # Each group is decoded last frame first, as frames that refer to a later one are.
    decoded = [shown[n] for start in range(0, len(shown), group) for n in (*range(start, len(shown)),)[:group][::-1]]

    times = decode_times(decoded)

    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(dts <= pts for dts, pts in zip(times, decoded, strict=True))
    assert len(times) == len(decoded)
