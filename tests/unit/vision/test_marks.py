"""What counts as a mark, when it is there, and what kind it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.boxes import area, clipped, grown, hull, overlap, overlap_of_smaller, scaled
from vision.domain.judging import Evidence, Picture, Reading, believed, grouped, kind_of, static_stretches
from vision.domain.presence import Stretch, Timeline, present_samples, reaching_ends, stretches

PICTURE = Picture(width=640, height=360, shots=5)
box = st.tuples(st.integers(0, 600), st.integers(0, 300), st.integers(1, 200), st.integers(1, 200))


def evidence(**changes: object) -> Evidence:
    usual = Evidence(
        box=(560, 20, 60, 60),
        strength=0.9,
        views=5,
        shots=frozenset({0, 1, 2}),
        stretches=(Stretch(0, 50, 0.0, 10.0, shots=3),),
        pieces=(0,),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def a_timeline(shots: list[int], step: float = 0.2) -> Timeline:
    return Timeline(np.arange(len(shots), dtype=np.float64) * step, np.array(shots), len(shots) * step)


@given(box, box)
def test_overlap_is_symmetric_and_one_only_for_the_same_box(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int]
) -> None:
    assert overlap(a, b) == overlap(b, a)
    assert (overlap(a, b) == 1) == (a == b)
    assert overlap(a, b) <= overlap_of_smaller(a, b) <= 1
    assert area(hull([a, b])) >= max(area(a), area(b))


@given(box, st.floats(0.5, 4), st.floats(0.5, 4))
def test_a_scaled_box_lies_in_the_picture_and_is_never_empty(
    a: tuple[int, int, int, int], across: float, down: float
) -> None:
    x, y, width, height = scaled(a, across, down, 500, 300)

    assert 0 <= x < x + width <= 500
    assert 0 <= y < y + height <= 300


def test_boxes_are_kept_in_the_picture() -> None:
    assert clipped((-5, 10, 20, 20), 100, 20) == (0, 10, 15, 10)
    assert grown((10, 10, 10, 10), 20, 5, 100, 100) == (0, 5, 40, 20)


def test_a_mark_that_lasts_over_cuts_is_believed() -> None:
    assert believed(evidence(), PICTURE) == evidence()


@pytest.mark.parametrize(
    "doubtful",
    [
        evidence(stretches=(Stretch(0, 50, 0, 10, shots=1),)),
        evidence(strength=0.5),
        evidence(strength=0.65, views=3),
        evidence(box=(0, 0, 12, 360)),
        evidence(box=(20, 20, 600, 300)),
        evidence(box=(0, 100, 60, 60)),
        evidence(stretches=()),
    ],
    ids=["one scene's graphics", "weak", "weak in few views", "a border", "most of the picture", "cut off", "never"],
)
def test_what_may_belong_to_the_film_is_no_mark(doubtful: Evidence) -> None:
    assert believed(doubtful, PICTURE) is None


def test_in_a_film_of_one_shot_only_corners_of_many_views_are_believed() -> None:
    one_shot = Picture(640, 360, shots=1)
    corner = evidence(shots=frozenset({0}), stretches=(Stretch(0, 50, 0, 10, shots=1),))

    assert believed(corner, one_shot) == corner
    assert believed(replace(corner, box=(290, 150, 60, 60)), one_shot) is None
    assert believed(replace(corner, views=2), one_shot) is None


def test_stretches_within_one_shot_are_dropped_unless_the_mark_is_sure() -> None:
    both = (Stretch(0, 50, 0, 10, shots=3), Stretch(80, 90, 16, 18, shots=1))

    assert believed(evidence(strength=0.8, stretches=both), PICTURE) == evidence(strength=0.8, stretches=both[:1])
    assert believed(evidence(strength=0.9, stretches=both), PICTURE) == evidence(strength=0.9, stretches=both)


def test_many_faint_pieces_all_over_the_picture_are_one_pattern() -> None:
    pieces = [
        evidence(box=(x, y, 90, 40), strength=0.55, pieces=(number,))
        for number, (x, y) in enumerate([(5, 5), (270, 5), (520, 5), (130, 150), (400, 150), (5, 310), (520, 310)])
    ]

    (pattern,) = grouped(pieces, PICTURE)

    assert pattern.pattern
    assert pattern.box == (0, 0, 640, 360)
    assert kind_of(pattern, [Reading("SAMPLE", (0, 0, 10, 10))]) == ("pattern", "SAMPLE")


def test_a_logo_and_its_name_beside_it_are_one_mark() -> None:
    logo, name = evidence(box=(20, 20, 40, 40), pieces=(0,)), evidence(box=(70, 28, 80, 20), pieces=(1,))

    (mark,) = grouped([logo, name], PICTURE)

    assert mark.box == (20, 20, 130, 40)
    assert mark.pieces == (0, 1)


def test_two_marks_in_two_corners_stay_two() -> None:
    assert len(grouped([evidence(pieces=(0,)), evidence(box=(20, 300, 80, 20), pieces=(1,))], PICTURE)) == 2


@pytest.mark.parametrize(
    ("readings", "kind"),
    [
        ([], "logo"),
        ([Reading("REVIEW COPY", (1, 1, 198, 18))], "text"),
        ([Reading("KITE", (100, 5, 60, 10))], "logo"),
        ([Reading("N", (0, 0, 200, 20))], "logo"),
    ],
)
def test_text_that_fills_the_box_makes_a_text(readings: list[Reading], kind: str) -> None:
    assert kind_of(evidence(box=(10, 10, 200, 20)), readings)[0] == kind


def test_a_mark_is_there_where_it_fits_half_as_well_as_usual() -> None:
    fits = np.array([0.05, 0.1, 0.5, 0.9, 0.92, 0.88, 0.3], np.float32)

    assert present_samples(fits, 2, 6).tolist() == [False, False, True, True, True, True, False]


def test_edges_lie_halfway_between_samples_and_at_the_ends_of_the_film() -> None:
    present = np.array([True] * 5 + [False] * 12 + [True] * 5)

    found = stretches(present, a_timeline([0] * 10 + [1] * 12))

    assert [(round(s.start, 2), round(s.end, 2)) for s in found] == [(0.0, 0.9), (3.3, 4.4)]


def test_a_blinking_mark_is_one_stretch() -> None:
    present = np.array(([True] * 3 + [False] * 3) * 5)

    (stretch,) = stretches(present, a_timeline([0] * 30))

    assert (stretch.first, stretch.last) == (0, 26)


def test_a_mark_may_drown_in_one_shot_without_ending() -> None:
    present = np.array([True] * 10 + [False] * 20 + [True] * 10)

    assert len(stretches(present, a_timeline([0] * 10 + [1] * 20 + [2] * 10))) == 1
    assert len(stretches(present, a_timeline([0] * 15 + [1] * 15 + [2] * 10))) == 2


def test_what_is_followed_reaches_the_ends_that_following_cannot() -> None:
    timeline = a_timeline([0] * 50)

    (stretch,) = reaching_ends([Stretch(1, 48, 0.1, 9.7)], timeline)

    assert (stretch.start, stretch.end) == (0.0, 10.0)


def test_a_film_of_one_view_is_inconclusive_and_long_views_are_unless_a_mark_was_found() -> None:
    views = [(0.0, 4.0, 0), (4.0, 8.0, 0), (8.0, 10.0, 1), (10.0, 25.0, 2)]

    assert static_stretches(views[:2], longest_s=10, found=[]) == [(0.0, 8.0)]
    assert static_stretches(views, longest_s=10, found=[]) == [(10.0, 25.0)]
    assert static_stretches(views, longest_s=10, found=[Stretch(0, 1, 12, 14)]) == []
