"""Ranges and factors as people type them."""

import pytest

from matchcut.ranges import BadRange, parse_range, parse_scale


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("3-5", (3.0, 5.0)),
        ("0.5-2.25", (0.5, 2.25)),
        ("1:02-1:30.5", (62.0, 90.5)),
        ("0:59:30-1:00:00", (3570.0, 3600.0)),
        ("10-", (10.0, None)),
        ("-4", (None, 4.0)),
        (" 90-120 ", (90.0, 120.0)),
    ],
)
def test_a_range_is_understood(typed: str, meant: tuple[float | None, float | None]) -> None:
    assert parse_range(typed) == meant


@pytest.mark.parametrize("typed", ["", "-", "3", "5-3", "3-3", "a-b", "1:75-2:00", "1:2:3:4-5", "3–5"])
def test_what_is_no_range_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadRange):
        parse_range(typed)


@pytest.mark.parametrize("typed", ["x2", "2x", "2", "X2"])
def test_a_factor_may_be_written_as_people_do(typed: str) -> None:
    assert parse_scale(typed) == 2


@pytest.mark.parametrize("typed", ["x5", "", "1", "two"])
def test_factors_that_are_not_offered_are_refused(typed: str) -> None:
    with pytest.raises(BadRange, match="x2, x3 or x4"):
        parse_scale(typed)
