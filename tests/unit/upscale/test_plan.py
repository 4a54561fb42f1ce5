"""A plan covers every frame once and is known again by its digest."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.upscale_plans import a_plan
from upscale.domain.color import Color
from upscale.domain.cuts import cuts_in
from upscale.domain.geometry import Orientation
from upscale.domain.plan import ChunkSpan, Encoding, Plan, chunk_length, cut_into_chunks


@given(
    first=st.integers(0, 10_000),
    frames=st.integers(1, 5_000),
    longest=st.integers(1, 700),
    cuts=st.sets(st.integers(0, 15_000), max_size=60),
)
def test_chunks_cover_every_frame_once_whatever_the_cuts(first: int, frames: int, longest: int, cuts: set[int]) -> None:
    chunks = cut_into_chunks(first, first + frames, longest=longest, cuts=sorted(cuts))

    covered = [number for chunk in chunks for number in range(chunk.start, chunk.end)]
    assert covered == list(range(first, first + frames))
    assert max(chunk.frames for chunk in chunks) <= longest
    for chunk in chunks[1:]:
        if chunk.start not in cuts:
            before = max([first, *(cut for cut in cuts if first < cut <= chunk.start)])
            after = min([first + frames, *(cut for cut in cuts if cut > chunk.start)])
            assert after - before > longest, "a seam within a shot that one chunk could hold"


@given(first=st.integers(0, 10_000), frames=st.integers(1, 5_000), longest=st.integers(1, 700))
def test_a_film_of_one_shot_is_cut_into_equal_parts(first: int, frames: int, longest: int) -> None:
    chunks = cut_into_chunks(first, first + frames, longest=longest)

    lengths = {chunk.frames for chunk in chunks}
    assert max(lengths) - min(lengths) <= 1


def test_chunks_end_with_shots_where_they_can() -> None:
    chunks = cut_into_chunks(0, 100, longest=30, cuts=[10, 25, 90, 95])

    assert [chunk.start for chunk in chunks] == [0, 25, 46, 68, 90]


def test_a_jump_of_the_picture_is_a_cut_and_a_fast_pan_is_none() -> None:
    calm, jump = [2.0] * 10, [2.0] * 5 + [40.0] + [3.0] * 5
    pan, flash = [30.0, 32.0, 31.0, 33.0, 30.0, 31.0], [2.0] * 4 + [12.0] + [2.0] * 4

    assert [cuts_in(changes) for changes in (calm, jump, pan, flash, [])] == [[], [5], [], [], []]


def test_nothing_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="nothing to cut"):
        cut_into_chunks(5, 5, longest=10)


@pytest.mark.parametrize(("size", "frames"), [((640, 360), 35), ((1920, 1080), 24), ((16, 16), 600)])
def test_a_chunk_is_about_the_same_work_whatever_the_picture_measures(size: tuple[int, int], frames: int) -> None:
    assert chunk_length(*size, megapixels=8) == frames


def test_a_plan_is_the_same_after_a_trip_through_json() -> None:
    plan = a_plan()

    again = Plan.model_validate_json(plan.model_dump_json())

    assert again == plan
    assert again.manifest_sha256 == plan.manifest_sha256


CHANGES: dict[str, Any] = {
    "version": 2, "source_sha256": "6" * 64, "model": "another", "model_sha256": "b" * 64, "scale": 3, "stream": 1,
    "width": 642, "height": 362, "orientation": Orientation(flip_x=True), "sample_aspect": Fraction(1),
    "color": Color(True, 1, 1, 1, "left", 8), "time_base": Fraction(1, 1000), "frame_rate": Fraction(25), "origin": 8,
    "first": 11, "pts": (100, 200, 351), "end_pts": 401, "checks": (1, 2, 4), "key_frames": (), "to_the_end": True,
    "chunks": cut_into_chunks(10, 13, longest=3), "selection": (ChunkSpan(start=10, end=11),), "deinterlace": "all",
    "encoding": Encoding(crf=20),
}  # fmt: skip
ENCODINGS: dict[str, Any] = {"codec": "av1", "crf": 19, "preset": "slow", "keyframe_frames": 9, "container": "mkv"}


def test_whatever_changes_the_result_changes_the_manifest() -> None:
    plan = a_plan()

    changed = [plan.model_copy(update={name: value}) for name, value in CHANGES.items()]
    changed += [plan.model_copy(update={"encoding": Encoding(**{name: value})}) for name, value in ENCODINGS.items()]

    assert set(CHANGES) == set(Plan.model_fields) - {"warnings"}
    assert set(ENCODINGS) == set(Encoding.model_fields)
    manifests = [changed_plan.manifest_sha256 for changed_plan in (plan, *changed)]
    assert len(set(manifests)) == len(manifests)


def test_a_warning_changes_nothing_that_is_made() -> None:
    assert a_plan(warnings=("odd",)).manifest_sha256 == a_plan().manifest_sha256


def test_frames_are_found_by_their_numbers_in_the_original() -> None:
    plan = a_plan()

    assert [plan.ticks(number) for number in (10, 11, 12, 13)] == [100, 200, 350, 400]
    assert [key.number for key in plan.keys_before(12)] == [11, 0]
    assert [key.number for key in plan.keys_before(10)] == [0]
    assert (plan.frames, plan.end, plan.size) == (3, 13, (1280, 720))
