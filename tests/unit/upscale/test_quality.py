"""A rendition passes only if it is the same film."""

from dataclasses import replace
from fractions import Fraction

import pytest

from support.upscale_plans import a_plan
from upscale.domain.progress import assembling, enhancing, planning
from upscale.domain.quality import Seen, Span, Track, drift_ms, failures_of, pts_equal, tags_of
from upscale.domain.soundtrack import Window

PLAN = a_plan()
BASE = PLAN.time_base
SAME = Seen(
    times=(Fraction(0), 100 * BASE, 250 * BASE),
    sizes=frozenset({(1280, 720)}),
    pixel_formats=frozenset({"yuv420p"}),
    tags=frozenset({tags_of(PLAN.color)}),
    sample_aspect=Fraction(4, 3),
)
SOUND = [Span(0.0, 1.0)]


def test_the_same_film_has_no_failures() -> None:
    assert failures_of(PLAN, SAME, wanted=SOUND, tracks=[Track(SOUND[0], 1.1)]) == ()
    assert pts_equal(PLAN, SAME)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (replace(SAME, times=SAME.times[:2]), "2 frames came out, 3 went in"),
        (replace(SAME, times=(Fraction(0), 100 * BASE, 251 * BASE)), "other times"),
        (replace(SAME, sizes=frozenset({(1280, 722)})), "1280x722"),
        (replace(SAME, pixel_formats=frozenset({"yuv444p"})), "yuv444p"),
        (replace(SAME, tags=frozenset({(False, 2, 2, 6)})), "colour tags"),
        (replace(SAME, sample_aspect=Fraction(1)), "pixels are 1 wide"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_film_is_told_in_a_sentence(seen: Seen, sentence: str) -> None:
    (failure,) = failures_of(PLAN, seen, wanted=[], tracks=[])

    assert sentence in failure


@pytest.mark.parametrize(
    ("tracks", "sentence"),
    [
        ([], "0 sound tracks came out"),
        ([Track(Span(0.5, 1.5), 1.0)], "500.0 ms late"),
        ([Track(Span(0.0, 0.9), 1.0)], "100.0 ms early"),
        ([Track(Span(0.0, 1.0), 0.3)], "only 0.30 s"),
    ],
)
def test_displaced_or_broken_sound_is_told(tracks: list[Track], sentence: str) -> None:
    (failure,) = failures_of(PLAN, SAME, wanted=SOUND, tracks=tracks)

    assert sentence in failure


def test_drift_is_the_worst_displacement_at_either_end() -> None:
    assert drift_ms([Span(0, 1), Span(0, 2)], [Track(Span(0.001, 1), 1), Track(Span(0, 1.99), 2)]) == -10
    assert drift_ms([], []) == 0


def test_sound_around_a_stretch_is_kept_as_far_as_a_decoder_needs_it() -> None:
    window = Window(start=Fraction(2), end=Fraction(3), from_the_start=False)
    piece = Fraction(1, 50)

    assert not window.wants(Fraction(18, 10), piece)
    assert window.wants(Fraction(195, 100), piece)
    assert window.heard(Fraction(195, 100), piece) == (Fraction(0), Fraction(-3, 100))
    assert window.heard(Fraction(299, 100), piece) == (Fraction(99, 100), Fraction(1))
    assert not window.wants(Fraction(3), piece)


def test_the_bar_only_moves_forward() -> None:
    steps = [planning(0), planning(1), enhancing(0, 9), enhancing(9, 9), enhancing(12, 9), assembling(0), assembling(1)]

    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 1)
