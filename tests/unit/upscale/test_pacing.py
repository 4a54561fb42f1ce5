"""How much a machine is given, by how fast it was."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upscale.domain.pacing import SHORTEST, cut_at, fits_session, measured, source_megapixels
from upscale.ports.runners import LeaseRow
from upscale.usecases.pacing import seconds_of, session_left_s

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(("said", "expected"), [(10.0, 10.0), (30.0, 20.0), (0.0, 20.0), (20.0, 20.0)])
def test_a_machine_s_word_counts_as_far_as_it_can_be_true(said: float, expected: float) -> None:
    taken = LeaseRow(
        *(uuid4(), 1, uuid4(), uuid4(), "uploaded", NOW, "key"),
        report={"seconds": said},
        claimed_at=NOW,
        changed_at=NOW + timedelta(seconds=20),
    )

    assert seconds_of(taken) == expected


@pytest.mark.parametrize(("seconds", "megapixels", "expected"), [(10.0, 2.0, 5.0), (10.0, 0.0, None), (0.0, 2.0, None)])
def test_a_pace_is_seconds_for_a_megapixel_where_both_are_known(
    seconds: float, megapixels: float, expected: float | None
) -> None:
    assert measured(seconds, megapixels) == expected


def test_a_chunk_holds_what_is_made_in_the_time_that_is_aimed_at() -> None:
    megapixels = source_megapixels(0.5, target_s=120, scale=2)

    assert megapixels * 2**2 * 0.5 == pytest.approx(120)


def test_a_machine_that_was_never_measured_is_trusted_unless_it_goes_before_a_chunk_would_be_done() -> None:
    stays, goes = fits_session(151, None, target_s=120), fits_session(149, None, target_s=120)

    assert (stays, goes) == (float("inf"), 0.0)


def test_a_session_that_ends_bounds_what_fits_into_it() -> None:
    fits = fits_session(100, 2.0, target_s=120)

    assert fits == 40.0


@given(
    frames=st.integers(1, 2000),
    left_s=st.none() | st.floats(0, 1e5),
    pace=st.none() | st.floats(1e-4, 1e3),
    size=st.floats(0.01, 40),
)
def test_no_cut_leaves_less_than_the_shortest_on_either_side(
    frames: int, left_s: float | None, pace: float | None, size: float
) -> None:
    at = cut_at(frames, left_s=left_s, target_s=120, seconds_per_megapixel=pace, frame_megapixels=size)

    assert at is None or SHORTEST <= at <= frames - SHORTEST


def test_a_slow_machine_is_given_the_part_it_makes_in_the_time_that_is_aimed_at() -> None:
    at = cut_at(600, left_s=None, target_s=120, seconds_per_megapixel=1.0, frame_megapixels=1.0)

    assert at == 120


def test_a_machine_that_takes_little_longer_than_aimed_at_gets_the_whole_chunk() -> None:
    at = cut_at(200, left_s=None, target_s=120, seconds_per_megapixel=1.0, frame_megapixels=1.0)

    assert at is None


def test_a_machine_whose_session_ends_is_given_what_it_makes_until_then() -> None:
    at = cut_at(200, left_s=100, target_s=120, seconds_per_megapixel=1.0, frame_megapixels=1.0)

    assert at == 80


@pytest.mark.parametrize("said", ["2026-11-23T12:01:40Z", "2026-11-23T12:01:40", "2026-11-23T13:01:40+01:00"])
def test_the_end_of_a_session_is_understood_with_a_time_zone_and_without(said: str) -> None:
    left_s = session_left_s({"session_ends_at": said}, now=NOW)

    assert left_s == 100


def test_a_session_that_is_over_has_nothing_left_and_one_without_an_end_all_the_time() -> None:
    past = {"session_ends_at": (NOW - timedelta(hours=1)).isoformat()}

    assert (session_left_s(past, now=NOW), session_left_s({}, now=NOW)) == (0.0, None)
