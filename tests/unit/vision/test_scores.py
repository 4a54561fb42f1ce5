"""The measures that the accuracy figures rest on."""

from itertools import pairwise
from typing import Any

import pytest

from support.vision_scores import score_cuts, score_marks, truth_box

HARD = [{"type": "hard", "frame": 50}, {"type": "hard", "frame": 90}]


def scenes(*starts: int) -> list[dict[str, Any]]:
    edges = [0, *starts, 200]
    return [
        {
            "index": index,
            "start_frame": start,
            "end_frame": end,
            "start": start / 25,
            "end": end / 25,
            "transition": "cut" if index else "start",
            "score": 1.0,
        }
        for index, (start, end) in enumerate(pairwise(edges))
    ]


def a_mark(**changes: Any) -> dict[str, Any]:
    usual = {"kind": "logo", "start": 1.0, "end": 5.0, "start_frame": 25, "end_frame": 125, "confidence": 0.9}
    return {**usual, "box": (10, 10, 50, 50), **changes}


def test_cuts_a_frame_off_are_right_and_all_others_false() -> None:
    score = score_cuts(HARD, scenes(51, 93))

    assert (score["hard_found"], score["missed"], score["false"], score["f1"]) == (1, [90], [93], 0.5)


def test_a_gradual_transition_wants_one_boundary_inside() -> None:
    dissolve = {"type": "dissolve", "start_frame": 100, "end_frame": 120}

    assert score_cuts([*HARD, dissolve], scenes(50, 90, 111))["soft_found"] == 1
    assert score_cuts([*HARD, dissolve], scenes(50, 90, 104, 111))["false"] == [104]


def test_fades_at_the_ends_of_a_film_neither_help_nor_hurt() -> None:
    fade = {"type": "fade_in_from_black", "start_frame": 0, "end_frame": 20}

    assert score_cuts([fade, *HARD], scenes(10, 50, 90))["f1"] == 1
    assert score_cuts([fade, *HARD], scenes(50, 90))["f1"] == 1


def test_jump_cuts_are_reported_apart() -> None:
    jump = {"type": "hard", "frame": 150, "jump_cut": True}

    score = score_cuts([*HARD, jump], scenes(50, 90))

    assert (score["f1"], score["jump_cuts"], score["jump_cuts_found"]) == (1, 1, 0)


def test_a_mark_must_be_in_the_right_place_for_half_its_time() -> None:
    truth = {"id": "wm1", "box": [12, 10, 50, 50], "start_frame": 25, "end_frame": 125}

    right = score_marks([truth], [a_mark()], frame_rate=25)
    assert (right["found"], right["false"], right["edges_s"]) == (1, [], [0.0, 0.0])
    assert right["ious"][0] == pytest.approx(0.923, abs=0.001)
    assert score_marks([truth], [a_mark(end=2.0)], frame_rate=25)["missed"] == ["wm1"]
    assert score_marks([truth], [a_mark(box=(60, 10, 50, 50))], frame_rate=25)["recall"] == 0
    assert score_marks([], [a_mark()], frame_rate=25)["precision"] == 0


def test_a_moving_mark_is_judged_along_its_way() -> None:
    keys = [{"frame": 0, "box": [0, 0, 20, 20]}, {"frame": 100, "box": [100, 0, 20, 20]}]
    truth = {"keyframes": keys, "start_frame": 0, "end_frame": 100}
    track = [{"time": frame / 25, "box": (frame, 0, 20, 20)} for frame in range(0, 100, 5)]

    score = score_marks([truth], [a_mark(start=0.0, end=4.0, moving=True, track=track)], frame_rate=25)

    assert truth_box(truth, 50) == (50, 0, 20, 20)
    assert (score["found"], score["ious"]) == (1, [1.0])
