"""Ranges and factors as people type them."""

import pytest

from matchcut.commands.sharpening import Sharpening
from matchcut.ranges import BadRange, parse_numbers, parse_range, parse_ranges, parse_scale


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


def test_several_ranges_come_with_commas() -> None:
    assert parse_ranges("3-5, 1:02-1:30,10-,-4") == [
        {"start": 3.0, "end": 5.0},
        {"start": 62.0, "end": 90.0},
        {"start": 10.0},
        {"end": 4.0},
    ]


@pytest.mark.parametrize(("typed", "meant"), [("2,5", [2, 5]), ("3-7", [3, 4, 5, 6, 7]), ("9, 1-3,2", [1, 2, 3, 9])])
def test_numbers_are_listed_or_spanned(typed: str, meant: list[int]) -> None:
    assert parse_numbers(typed, "--lines") == meant


@pytest.mark.parametrize("typed", ["", "a", "1-", "-3", "1.5", "7-3", "0-999999"])
def test_what_are_no_numbers_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadRange, match="--scenes"):
        parse_numbers(typed, "--scenes")


def test_what_is_said_of_sharpening_becomes_what_the_api_is_told() -> None:
    said = Sharpening("x3", "3-5,10-", "2", "4-5", only=True, deinterlace=True, codec="av1", crf=40, container="mkv")
    own = Sharpening("x2", model="custom-ours", dispatch="colab")

    assert said.options(script=True) == {
        "scale": 3,
        "ranges": [{"start": 3.0, "end": 5.0}, {"start": 10.0}],
        "scenes": [2],
        "lines": [4, 5],
        "only": True,
        "deinterlace": True,
        "codec": "av1",
        "crf": 40,
        "container": "mkv",
        "dispatch": "gpu",
    }
    assert own.options(script=False) == {"scale": 2, "dispatch": "colab", "model": "custom-ours"}
    assert Sharpening().options(script=False) is None
