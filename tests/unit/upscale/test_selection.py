"""What is chosen is sharpened, what is not stays in the film, and nothing comes twice."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.upscale_plans import a_plan
from upscale.domain.plan import ChunkSpan
from upscale.domain.refusals import EmptyRange
from upscale.domain.selection import Choice, choose, cut_chosen, merged

TICK = Fraction(1, 25)
FRAMES = range(100)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Any film with any selection, as the planner makes them."""
    first = draw(st.integers(0, 5_000))
    end = first + draw(st.integers(1, 3_000))
    edges = sorted(draw(st.sets(st.integers(first, end), max_size=40)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    selection = tuple(ChunkSpan(start=start, end=stop) for start, stop in pairs)
    return Choice(first, end, selection or None)


@given(
    choice=choices(),
    longest=st.integers(1, 300),
    longest_plain=st.integers(1, 900),
    cuts=st.sets(st.integers(0, 8_000), max_size=60),
)
def test_chunks_cover_every_frame_exactly_once_whatever_is_chosen(
    choice: Choice, longest: int, longest_plain: int, cuts: set[int]
) -> None:
    chunks = cut_chosen(choice, longest=longest, longest_plain=longest_plain, cuts=sorted(cuts))

    plan = a_plan(first=choice.first, pts=tuple(range(choice.end - choice.first)), selection=choice.selection)
    chosen = {number for span in choice.selection or () for number in range(span.start, span.end)}
    assert [number for chunk in chunks for number in range(chunk.start, chunk.end)] == [
        *range(choice.first, choice.end)
    ]
    for chunk in chunks:
        plain = plan.is_plain(chunk)
        assert chunk.frames <= (longest_plain if plain else longest)
        if choice.selection is not None:
            assert {number in chosen for number in range(chunk.start, chunk.end)} == {not plain}
    assert plan.sharpened_frames == (len(chosen) if choice.selection else choice.end - choice.first)


@given(spans=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 50)), max_size=30))
def test_stretches_that_overlap_or_touch_become_one(spans: list[tuple[int, int]]) -> None:
    wanted = [ChunkSpan(start=start, end=start + length) for start, length in spans]

    found = merged(wanted)

    numbers = [number for span in found for number in range(span.start, span.end)]
    assert numbers == sorted({number for span in wanted for number in range(span.start, span.end)})
    assert all(before.end < after.start for before, after in itertools.pairwise(found))


def test_without_a_choice_all_of_the_film_is_sharpened() -> None:
    assert choose(FRAMES, TICK, (), only=False) == Choice(0, 100)


def test_a_range_leaves_the_film_as_long_as_it_was() -> None:
    choice = choose(FRAMES, TICK, [(1.0, 2.0)], only=False)

    assert choice == Choice(0, 100, (ChunkSpan(start=25, end=50),))


def test_only_leaves_out_what_lies_before_and_behind() -> None:
    one = choose(FRAMES, TICK, [(1.0, 2.0)], only=True)
    two = choose(FRAMES, TICK, [(3.0, None), (1.0, 2.0)], only=True)

    assert one == Choice(25, 50)
    assert two == Choice(25, 100, (ChunkSpan(start=25, end=50), ChunkSpan(start=75, end=100)))


def test_a_stretch_without_frames_is_told_and_the_others_are_made() -> None:
    choice = choose(FRAMES, TICK, [(1.0, 2.0), (60.0, 61.0)], only=False)

    assert choice.selection == (ChunkSpan(start=25, end=50),)
    assert "no frame lies between 60.000 s and 61.000 s" in choice.empty[0]


def test_stretches_without_any_frame_are_refused() -> None:
    with pytest.raises(EmptyRange, match=r"60\.000"):
        choose(FRAMES, TICK, [(60.0, 61.0), (70.0, None)], only=False)


def test_a_part_of_a_plan_knows_whether_it_is_sharpened() -> None:
    plan = a_plan(
        selection=(ChunkSpan(start=10, end=11),), chunks=(ChunkSpan(start=10, end=11), ChunkSpan(start=11, end=13))
    )

    parts = [plan.part(chunk) for chunk in plan.chunks]

    assert [part.is_plain(part.chunks[0]) for part in parts] == [False, True]
    assert [part.sharpened_frames for part in parts] == [1, 0]
    assert plan.manifest_sha256 != a_plan(chunks=plan.chunks).manifest_sha256
