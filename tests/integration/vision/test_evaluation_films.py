"""Scenes and marks in the films of the evaluation set, against their truth."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from contracts.steps import Step
from support.vision_scores import score_cuts, score_marks
from vision.adapters.looking import look
from vision.ports import Eyes, Order, Sight

CLIPS = "watermarks/watermarks_a.truth.json"
UNTELLABLE = "wm_a_pos_static_camera_50pct.mp4"
"""A logo over one camera position: it cannot be told from a sign on the wall, and is reported as such."""


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Eyes:
    return Eyes(models_dir=None, cache_dir=tmp_path_factory.getbasetemp() / "models", threads=2, longest=640)


def seen(eyes: Eyes, film: Path, folder: Path, *steps: Step) -> Sight:
    with av.open(str(film)) as container:
        duration = (container.duration or 0) / 1e6
        frames = container.streams.video[0].frames
    order = Order(steps or (Step.SCENES, Step.WATERMARKS), "accurate", duration, frames, 0, 0)
    return look(eyes, film, order, folder)


def truth(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def test_every_cut_and_mark_of_the_composed_film_is_found(evaluation_data: Path, eyes: Eyes, tmp_path: Path) -> None:
    expected = truth(evaluation_data / "main" / "demo_a.truth.json")

    sight = seen(eyes, evaluation_data / "main" / "demo_a.mp4", tmp_path)

    assert sight.scenes is not None
    assert sight.watermarks is not None
    cuts = score_cuts(expected["transitions"], sight.scenes.scenes)
    assert cuts["f1"] >= 0.98, cuts
    assert cuts["soft_found"] >= 0.8 * cuts["soft"], cuts
    marks = score_marks(expected["watermarks"], sight.watermarks.marks, frame_rate=expected["fps"])
    assert (marks["missed"], marks["false"]) == ([], []), marks
    assert max(marks["edges_s"]) <= 0.5, marks
    assert "REVIEW COPY - DO NOT SHARE" in {mark.text for mark in sight.watermarks.marks}


def test_the_torture_test_of_short_shots_is_passed(evaluation_data: Path, eyes: Eyes, tmp_path: Path) -> None:
    expected = truth(evaluation_data / "cuts" / "cuts_a.truth.json")

    sight = seen(eyes, evaluation_data / "cuts" / "cuts_a.mp4", tmp_path, Step.SCENES)

    assert sight.scenes is not None
    cuts = score_cuts(expected["transitions"], sight.scenes.scenes)
    assert cuts["f1"] >= 0.95, cuts
    assert cuts["soft_found"] >= 0.8 * cuts["soft"], cuts


@pytest.mark.parametrize("number", [0, 1], ids=["tears_of_steel", "big_buck_bunny"])
def test_real_films_are_cut_where_their_makers_cut_them_and_have_no_marks(
    evaluation_data: Path, eyes: Eyes, tmp_path: Path, number: int
) -> None:
    expected = truth(evaluation_data / "films" / "films_a.truth.json")["films"][number]

    sight = seen(eyes, evaluation_data / "films" / expected["file"], tmp_path)

    assert sight.scenes is not None
    assert sight.watermarks is not None
    cuts = score_cuts(expected["transitions"], sight.scenes.scenes)
    assert cuts["f1"] >= 0.95, cuts
    assert sight.watermarks.marks == ()


def test_marks_are_found_in_the_right_place_and_nowhere_else(evaluation_data: Path, eyes: Eyes, tmp_path: Path) -> None:
    wrong = {}
    for clip in truth(evaluation_data / CLIPS)["clips"]:
        sight = seen(eyes, evaluation_data / "watermarks" / clip["file"], tmp_path, Step.WATERMARKS)
        assert sight.watermarks is not None
        score = score_marks(clip["watermarks"], sight.watermarks.marks, frame_rate=clip["fps"])
        if clip["file"] == UNTELLABLE:
            assert sight.watermarks.inconclusive
            score["missed"] = []
        if score["missed"] or score["false"] or max(score["edges_s"], default=0) > 0.5:
            wrong[clip["file"]] = score

    assert wrong == {}


@pytest.mark.parametrize(
    ("file", "upright"), [("rotated_90.mp4", (132, 320)), ("anamorphic_sar2.mp4", (320, 180)), ("vfr.mp4", None)]
)
def test_unusual_films_are_looked_at_as_they_are_displayed(
    evaluation_data: Path, eyes: Eyes, tmp_path: Path, file: str, upright: tuple[int, int] | None
) -> None:
    film = evaluation_data / "nasty" / file

    sight = seen(replace(eyes, longest=320), film, tmp_path)

    with av.open(str(film)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert sight.scenes is not None
    assert sight.scenes.scenes[-1].end_frame == frames
    keyframe = cv2.imread(str(tmp_path / "keyframes" / "0000.jpg"))
    assert keyframe is not None
    assert upright in (None, keyframe.shape[1::-1])
