"""What stands still is not computed again, and the film is the one that computing everything gives."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from upscale.adapters.reusing import ReusingEnhancer
from upscale.adapters.tiling import TiledEnhancer
from upscale.ports import OutOfMemory

Array = NDArray[Any]
HEIGHT, WIDTH = 300, 420
WHOLE = HEIGHT * WIDTH


class Spreading:
    """Largest of the pixels up to 2 away, repeated: a network whose reach can be seen."""

    engine = "spreading"
    padding = 2

    def __init__(self, *, batch: int = 1) -> None:
        self.batch = batch
        self.computed: list[int] = []
        self.memory = 10**9

    def enhance(self, pictures: Array, /) -> Array:
        if pictures[0, 0].size > self.memory:
            raise OutOfMemory("too large")
        self.computed += [picture[0].size for picture in pictures]
        framed = np.pad(pictures, ((0, 0), (0, 0), (2, 2), (2, 2)))
        largest: Array = np.lib.stride_tricks.sliding_window_view(framed, (5, 5), axis=(2, 3)).max(axis=(-1, -2))
        return largest.repeat(2, axis=2).repeat(2, axis=3)


def frame_of_noise(seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 200, (3, HEIGHT, WIDTH)).astype(np.uint8)


def touched(frame: Array, y: int, x: int, *, by: int = 40) -> Array:
    changed = frame.copy()
    changed[:, y : y + 6, x : x + 6] += np.uint8(by)
    return changed


def anew(frames: list[Array]) -> list[Array]:
    return TiledEnhancer(Spreading(), scale=2, tile_pixels=10**9).enhance(frames)


def reusing(engine: Spreading, *, still_codes: int = 0) -> ReusingEnhancer:
    return ReusingEnhancer(TiledEnhancer(engine, scale=2, tile_pixels=10**9), still_codes=still_codes)


def same(some: list[Array], others: list[Array]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_a_frame_that_is_the_one_before_is_not_computed() -> None:
    engine = Spreading()
    frames = [frame_of_noise(), frame_of_noise(), frame_of_noise()]

    large = reusing(engine).enhance(frames)

    assert engine.computed == [WHOLE]
    assert same(large, anew(frames))


@given(places=st.lists(st.tuples(st.integers(0, HEIGHT - 6), st.integers(0, WIDTH - 6)), min_size=1, max_size=3))
@settings(max_examples=15, deadline=None)
def test_what_comes_out_is_what_computing_everything_gives(places: list[tuple[int, int]]) -> None:
    frames = [frame_of_noise()]
    for y, x in places:
        frames.append(touched(frames[-1], y, x, by=10))

    large = reusing(Spreading()).enhance(frames)

    assert same(large, anew(frames))


def test_a_small_change_costs_a_small_part_of_the_work() -> None:
    engine = Spreading()
    frame = frame_of_noise()

    reusing(engine).enhance([frame, touched(frame, 20, 30)])

    assert sum(engine.computed[1:]) < WHOLE / 3


def test_another_picture_is_computed_at_once_and_not_window_by_window() -> None:
    engine = Spreading()

    reusing(engine).enhance([frame_of_noise(0), frame_of_noise(1)])

    assert engine.computed == [WHOLE, WHOLE]


def test_a_film_that_changes_its_size_goes_on() -> None:
    film = reusing(Spreading())
    small = frame_of_noise()[:, :100, :120]

    large = [*film.enhance([frame_of_noise()]), *film.enhance([small]), *film.enhance([frame_of_noise()])]

    assert same(large, [*anew([frame_of_noise()]), *anew([small]), *anew([frame_of_noise()])])


def test_what_strays_less_than_allowed_is_kept_and_does_not_add_up() -> None:
    engine = Spreading()
    frames = [frame_of_noise() + np.uint8(step) for step in range(5)]

    large = reusing(engine, still_codes=2).enhance(frames)

    assert engine.computed == [WHOLE, WHOLE]
    expected = anew(frames)
    assert all(np.abs(a.astype(int) - b).max() <= 2 for a, b in zip(large, expected, strict=True))
    assert np.array_equal(large[3], expected[3])


def test_in_batches_still_frames_are_left_out() -> None:
    engine = Spreading(batch=4)
    a, b = frame_of_noise(0), frame_of_noise(1)
    film = reusing(engine)

    large = [*film.enhance([a, a, b, b]), *film.enhance([b, b]), *film.enhance([b, a, a, b])]

    assert len(engine.computed) == 4
    assert same(large, anew([a, a, b, b, b, b, b, a, a, b]))


def test_windows_that_memory_cannot_hold_are_no_reason_to_lose_a_frame() -> None:
    engine = Spreading()
    film = reusing(engine)
    frames = [frame_of_noise(), touched(frame_of_noise(), 20, 30)]
    film.enhance(frames[:1])
    engine.memory = 4_000

    large = film.enhance(frames[1:])

    assert same(large, anew(frames[1:]))
