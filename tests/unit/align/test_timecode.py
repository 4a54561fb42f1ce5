"""Frames and timecode, against the tables of SMPTE ST 12-1 and against OpenTimelineIO's own counting."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.domain.exports.timecode import Clock, clock_of, frame_at

NTSC_30, NTSC_60 = Fraction(30000, 1001), Fraction(60000, 1001)
KNOWN = [
    (NTSC_30, 0, "00:00:00;00"), (NTSC_30, 29, "00:00:00;29"), (NTSC_30, 30, "00:00:01;00"),
    (NTSC_30, 1799, "00:00:59;29"), (NTSC_30, 1800, "00:01:00;02"), (NTSC_30, 3597, "00:01:59;29"),
    (NTSC_30, 3598, "00:02:00;02"), (NTSC_30, 17981, "00:09:59;29"), (NTSC_30, 17982, "00:10:00;00"),
    (NTSC_30, 19781, "00:10:59;29"), (NTSC_30, 19782, "00:11:00;02"), (NTSC_30, 107891, "00:59:59;29"),
    (NTSC_30, 107892, "01:00:00;00"), (NTSC_30, 2589407, "23:59:59;29"), (NTSC_30, 2589408, "00:00:00;00"),
    (NTSC_60, 0, "00:00:00;00"), (NTSC_60, 3599, "00:00:59;59"), (NTSC_60, 3600, "00:01:00;04"),
    (NTSC_60, 35963, "00:09:59;59"), (NTSC_60, 35964, "00:10:00;00"), (NTSC_60, 215784, "01:00:00;00"),
    (NTSC_60, 5178815, "23:59:59;59"),
]  # fmt: skip
COUNTED = [
    (Fraction(25), 90_000, "01:00:00:00"), (Fraction(24000, 1001), 86_400, "01:00:00:00"),
    (NTSC_30, 108_000, "01:00:00:00"), (Fraction(24), 23, "00:00:00:23"), (Fraction(50), 49, "00:00:00:49"),
    (Fraction(120), 119, "00:00:00:119"), (Fraction(25), 24 * 90_000 + 1, "00:00:00:01"),
]  # fmt: skip
OFTEN = [Fraction(24), Fraction(25), Fraction(30), Fraction(50), Fraction(60), Fraction(24000, 1001), NTSC_30, NTSC_60]


@pytest.mark.parametrize(("rate", "frame", "timecode"), KNOWN)
def test_drop_frame_counting_leaves_out_numbers_as_the_tables_say(rate: Fraction, frame: int, timecode: str) -> None:
    clock = Clock(rate, 0, drop=True)

    assert clock.timecode(frame) == timecode
    assert clock.count(timecode) == frame % clock.day


@pytest.mark.parametrize(("rate", "frame", "timecode"), COUNTED)
def test_other_counting_leaves_out_nothing(rate: Fraction, frame: int, timecode: str) -> None:
    clock = Clock(rate)

    assert clock.timecode(frame) == timecode
    assert clock.count(timecode) == frame % clock.day


@pytest.mark.parametrize("rate", [NTSC_30, NTSC_60])
def test_every_frame_of_half_an_hour_and_around_every_minute_of_a_day_has_its_own_timecode_and_is_found_by_it(
    rate: Fraction,
) -> None:
    clock = Clock(rate, 0, drop=True)
    half = range(clock.count("00:30:00;00") + 100)
    minutes = [
        (clock.count(f"{minute // 60:02d}:{minute % 60:02d}:00;04") + off) % clock.day
        for minute in range(24 * 60)
        for off in range(-7, 7)
    ]

    assert [clock.count(clock.timecode(frame)) for frame in half] == list(half)
    assert [clock.count(clock.timecode(frame)) for frame in minutes] == minutes
    assert len({clock.timecode(frame) for frame in half}) == len(half)


@settings(max_examples=200, deadline=None)
@given(rate=st.sampled_from(OFTEN), drop=st.booleans(), at=st.floats(0, 0.99))
def test_any_frame_of_a_day_is_counted_as_opentimelineio_counts_it(rate: Fraction, drop: bool, at: float) -> None:
    clock = Clock(rate, 0, drop and rate in (NTSC_30, NTSC_60))
    frame = int(at * clock.day)

    theirs = otio.opentime.RationalTime(frame, float(rate)).to_timecode(float(rate), clock.drop)

    assert clock.timecode(frame) == theirs
    assert clock.count(theirs) == frame


@settings(max_examples=100, deadline=None)
@given(rate=st.fractions(1, 240), frame=st.integers(0, 10**8), start=st.integers(0, 10**6))
def test_any_rate_and_start_gives_a_timecode_that_leads_back_to_the_frame(
    rate: Fraction, frame: int, start: int
) -> None:
    clock = Clock(rate, start)

    assert clock.count(clock.timecode(frame)) == (start + frame) % clock.day


def test_a_semicolon_says_drop_frame_and_a_colon_does_not() -> None:
    dropped, counted = clock_of(NTSC_30, "01:00:00;00"), clock_of(NTSC_30, "01:00:00:00")

    assert (dropped.start, dropped.timecode(0), dropped.timecode(1800)) == (107_892, "01:00:00;00", "01:01:00;02")
    assert (counted.start, counted.timecode(0), counted.timecode(1800)) == (108_000, "01:00:00:00", "01:01:00:00")


def test_without_a_start_films_that_drift_from_the_clock_are_counted_drop_frame_and_others_are_not() -> None:
    assert [clock_of(rate, None).drop for rate in OFTEN] == [rate in (NTSC_30, NTSC_60) for rate in OFTEN]
    assert clock_of(Fraction(25), "10:00:00;00") == Clock(Fraction(25), 900_000, drop=False)


@pytest.mark.parametrize(
    ("rate", "told", "meant"),
    [
        (Fraction(25), "00:00:00:27", "00:00:01:02"),
        (NTSC_30, "00:01:00;00", "00:01:00;02"),
        (NTSC_30, "00:10:00;00", "00:10:00;00"),
    ],
)
def test_a_number_that_does_not_exist_is_taken_for_the_next_that_does(rate: Fraction, told: str, meant: str) -> None:
    assert clock_of(rate, told).timecode(0) == meant


@pytest.mark.parametrize("nothing", ["", "1:2:3", "aa:bb:cc:dd", "01:00:00", "01:00:00:00:00"])
def test_what_is_no_timecode_is_refused(nothing: str) -> None:
    with pytest.raises(ValueError, match="no timecode"):
        Clock(Fraction(25)).count(nothing)


@pytest.mark.parametrize("rate", OFTEN)
def test_the_time_of_a_frame_as_documents_round_it_leads_back_to_the_frame(rate: Fraction) -> None:
    frames = [*range(2000), *range(648_000 - 50, 648_000)]

    assert [frame_at(round(float(frame / rate), 3), rate) for frame in frames] == frames


def test_after_three_hours_timecode_is_where_the_clock_is() -> None:
    clock = clock_of(NTSC_30, None)

    assert clock.at(3 * 3600) == "03:00:00;00"
    assert clock.at(3 * 3600 - 0.02) == "02:59:59;29"
