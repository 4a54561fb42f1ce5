"""Rate, duration and evenness, read from the times of frames."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.domain.timing import STANDARD_RATES, time_frames

MS = Fraction(1, 1000)
clocks = st.sampled_from([MS, Fraction(1, 12_288), Fraction(1, 90_000), Fraction(1, 600)])
rates = st.sampled_from(sorted(STANDARD_RATES))


def ticks(rate: Fraction, frames: int, clock: Fraction, *, start: Fraction = Fraction(0)) -> list[int]:
    """Times of even frames, rounded to the clock as containers round them."""
    return [round((start + index / rate) / clock) for index in range(frames)]


@given(rates, st.integers(min_value=2, max_value=120), clocks, st.integers(min_value=0, max_value=4000))
def test_even_frames_are_even_on_any_clock_from_any_start(
    rate: Fraction, frames: int, clock: Fraction, start_s: int
) -> None:
    pts = ticks(rate, frames, clock, start=Fraction(start_s))

    timing = time_frames(pts, time_base=clock, header_rates=[rate])

    assert (timing.rate, timing.variable, timing.frames, timing.gaps) == (rate, False, frames, 0)
    assert timing.start == pts[0] * clock
    assert abs(timing.duration - frames / rate) <= 3 * clock


@given(rates, st.integers(min_value=200, max_value=220))
def test_the_rate_is_found_without_a_header_and_against_a_wrong_one(rate: Fraction, frames: int) -> None:
    pts = ticks(rate, frames, Fraction(1, 90_000))

    timing = time_frames(pts, time_base=Fraction(1, 90_000), header_rates=[Fraction(17), Fraction(90_000)])

    assert timing.rate == rate


def test_ntsc_on_a_millisecond_clock_is_not_taken_for_thirty() -> None:
    pts = ticks(Fraction(30_000, 1001), 900, MS)

    timing = time_frames(pts, time_base=MS)

    assert timing.rate == Fraction(30_000, 1001)


def test_a_change_of_rate_is_variable_and_its_rate_the_average() -> None:
    clock = Fraction(1, 12_000)
    pts = [1200 * i for i in range(20)] + [24_000 + 400 * i for i in range(60)] + [48_000 + 500 * i for i in range(48)]

    timing = time_frames(pts, time_base=clock, last_ticks=500)

    assert timing.variable
    assert timing.duration == 6
    assert timing.rate == Fraction(128, 6)


def test_two_rates_that_look_alike_are_still_two() -> None:
    pts = [round(index * 1000 / 24) for index in range(100)]
    pts += [pts[-1] + 40 * (index + 1) for index in range(100)]

    timing = time_frames(pts, time_base=MS, header_rates=[Fraction(24)])

    assert timing.variable


def test_phone_video_with_wandering_times_is_variable() -> None:
    pts = [33 * i + (11 if i % 3 == 0 else 0) for i in range(90)]

    timing = time_frames(pts, time_base=MS, header_rates=[Fraction(30)])

    assert timing.variable


def test_a_hole_where_frames_were_lost_is_a_hole_and_not_another_rate() -> None:
    pts = [index for index in range(200) if not 90 <= index < 102]

    timing = time_frames(pts, time_base=Fraction(1, 24), header_rates=[Fraction(24)])

    assert (timing.rate, timing.variable, timing.gaps) == (Fraction(24), False, 1)
    assert timing.duration == Fraction(200, 24)


def test_avi_that_shows_its_first_frame_early_is_even() -> None:
    pts = [0, *range(2, 49)]

    timing = time_frames(pts, time_base=Fraction(1, 24), last_ticks=1)

    assert (timing.rate, timing.variable, timing.gaps) == (Fraction(24), False, 0)


def test_one_frame_lasts_as_long_as_it_says_or_as_one_frame_of_its_rate() -> None:
    told = time_frames([0], time_base=MS, last_ticks=42, header_rates=[Fraction(24)])
    untold = time_frames([0], time_base=MS, header_rates=[Fraction(24)])

    assert told.duration == Fraction(42, 1000)
    assert untold.duration == Fraction(1, 24)


def test_a_last_frame_that_stands_still_counts_but_not_for_hours() -> None:
    frames = ticks(Fraction(25), 50, MS)

    standing = time_frames(frames, time_base=MS, last_ticks=5000)
    absurd = time_frames(frames, time_base=MS, last_ticks=360_000_000)

    assert standing.duration == Fraction(1960 + 5000, 1000)
    assert absurd.duration == 2


def test_times_that_do_not_rise_are_counted() -> None:
    pts = [0, 40, 40, 120, 160, 200, 240, 280, 320, 360, 400, 440]

    timing = time_frames(pts, time_base=MS)

    assert timing.disorder == 1


@given(
    st.lists(st.integers(min_value=-(2**40), max_value=2**40), min_size=1, max_size=60),
    st.integers(min_value=-5, max_value=2**40),
    clocks,
)
def test_no_times_however_wrong_break_it(pts: list[int], last: int, clock: Fraction) -> None:
    timing = time_frames(pts, time_base=clock, last_ticks=last)

    assert timing.frames == len(pts)
    assert timing.rate > 0
    assert timing.duration > 0


@pytest.mark.parametrize("rate", [Fraction(8), Fraction(25, 2), Fraction(90)])
def test_an_unusual_rate_is_a_fraction_of_small_numbers(rate: Fraction) -> None:
    timing = time_frames(ticks(rate, 200, MS), time_base=MS)

    assert abs(timing.rate - rate) < Fraction(1, 50)
