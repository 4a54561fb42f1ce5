"""Shots cover a film, and each has a frame that shows it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.boundaries import Boundary
from vision.domain.shots import keyframe_of, shots_between

boundaries = st.lists(
    st.builds(
        Boundary,
        frame=st.integers(-5, 320),
        transition=st.sampled_from(["cut", "dissolve", "fade"]),
        score=st.floats(0, 1),
    ),
    max_size=30,
)


@given(boundaries, st.integers(1, 300))
def test_shots_cover_every_frame_once(found: list[Boundary], frames: int) -> None:
    shots = shots_between(found, np.arange(frames) / 25, frames / 25)

    covered = [frame for shot in shots for frame in range(shot.start_frame, shot.end_frame)]
    assert covered == list(range(frames))
    assert shots[0].transition == "start"
    assert all(shot.start_frame < shot.end_frame for shot in shots)
    assert [shot.end for shot in shots[:-1]] == [shot.start for shot in shots[1:]]


def test_times_are_those_of_the_frames_however_uneven() -> None:
    times = np.array([0, 0.04, 0.5, 0.54, 0.9])

    shots = shots_between([Boundary(2, "cut", 0.8)], times, 1.2)

    assert [(shot.start, shot.end) for shot in shots] == [(0.0, 0.5), (0.5, 1.2)]


def test_no_frames_make_no_shots() -> None:
    assert shots_between([], np.zeros(0), 0) == []


def test_the_key_frame_is_the_available_one_nearest_the_middle() -> None:
    shots = shots_between([Boundary(10, "cut", 1), Boundary(13, "cut", 1)], np.arange(40) / 25, 1.6)
    available = [0, 5, 10, 20, 25, 35]

    assert [available[keyframe_of(shot, available)] for shot in shots] == [5, 10, 25]
