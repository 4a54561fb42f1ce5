"""Scenes and marks in films that are composed here, frame by frame, so that the truth is exact."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.documents import Mark
from contracts.steps import Step
from support.vision_clips import FRAME_RATE, HEIGHT, WIDTH, Logo, camera, dissolve, encode, flash, still, with_logo
from vision.adapters.looking import look
from vision.domain.boxes import overlap
from vision.domain.failures import UnreadableVideo
from vision.ports import Eyes, Order, Sight

LOGO = Logo(size=48, opacity=0.8)


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Eyes:
    return Eyes(models_dir=None, cache_dir=tmp_path_factory.getbasetemp() / "models", threads=2, longest=640)


def seen(
    eyes: Eyes,
    folder: Path,
    film: Iterable[NDArray[np.uint8]],
    *steps: Step,
    detector: str = "accurate",
    pixel_shape: Fraction = Fraction(1),
) -> Sight:
    path = folder / "film.mp4"
    frames = encode(path, film, pixel_shape=pixel_shape)
    order = Order(
        steps=steps or (Step.SCENES, Step.WATERMARKS),
        detector="fast" if detector == "fast" else "accurate",
        duration_s=frames / FRAME_RATE,
        frames=frames,
        width=round(WIDTH * pixel_shape),
        height=HEIGHT,
    )
    return look(eyes, path, order, folder)


def marks_of(sight: Sight) -> tuple[Mark, ...]:
    assert sight.watermarks is not None
    return sight.watermarks.marks


def boundaries_of(sight: Sight) -> list[int]:
    assert sight.scenes is not None
    return [scene.start_frame for scene in sight.scenes.scenes[1:]]


def shots(*lengths: int) -> Iterable[NDArray[np.uint8]]:
    return chain.from_iterable(camera(seed, length) for seed, length in enumerate(lengths, start=1))


@pytest.mark.parametrize("detector", ["accurate", "fast"])
def test_cuts_are_exact_and_a_flash_is_none(eyes: Eyes, tmp_path: Path, detector: str) -> None:
    film = chain(camera(1, 40), flash(camera(2, 45), at=20, frames=2), camera(3, 30))

    sight = seen(eyes, tmp_path, film, Step.SCENES, detector=detector)

    assert boundaries_of(sight) == [40, 85]
    assert sight.scenes is not None
    assert [scene.transition for scene in sight.scenes.scenes] == ["start", "cut", "cut"]
    assert len(list((tmp_path / "keyframes").glob("*.jpg"))) == 3


def test_a_dissolve_has_one_boundary_inside(eyes: Eyes, tmp_path: Path) -> None:
    film = dissolve(camera(4, 60, speed=1), camera(5, 60, speed=1), frames=16)

    (boundary,) = boundaries_of(seen(eyes, tmp_path, film, Step.SCENES))

    assert 44 <= boundary <= 60


def test_a_mark_that_comes_and_goes_is_found_where_and_when_it_is(eyes: Eyes, tmp_path: Path) -> None:
    film = with_logo(shots(50, 50, 50, 50), LOGO, lambda _: (410, 16), start=30, end=160)

    (mark,) = marks_of(seen(eyes, tmp_path, film))

    assert overlap(mark.box, (410, 16, 48, 48)) > 0.75
    assert abs(mark.start_frame - 30) <= 5
    assert abs(mark.end_frame - 160) <= 5
    assert not mark.moving


def test_a_faint_mark_is_found(eyes: Eyes, tmp_path: Path) -> None:
    film = with_logo(shots(50, 50, 50), Logo(opacity=0.25), lambda _: (20, 200))

    (mark,) = marks_of(seen(eyes, tmp_path, film))

    assert overlap(mark.box, (20, 200, 48, 48)) > 0.5


def test_two_marks_are_two(eyes: Eyes, tmp_path: Path) -> None:
    film = with_logo(with_logo(shots(50, 50, 50), LOGO, lambda _: (16, 16)), LOGO, lambda _: (400, 200))

    first, second = marks_of(seen(eyes, tmp_path, film))

    assert overlap(first.box, (16, 16, 48, 48)) > 0.75
    assert overlap(second.box, (400, 200, 48, 48)) > 0.75


def test_a_mark_that_wanders_is_followed_over_cuts(eyes: Eyes, tmp_path: Path) -> None:
    def way(frame: int) -> tuple[int, int]:
        return 40 + 2 * frame, 40 + frame

    film = with_logo(shots(60, 60), LOGO, way)

    (mark,) = marks_of(seen(eyes, tmp_path, film))

    assert mark.moving
    overlaps = [overlap(point.box, (*way(round(point.time * FRAME_RATE)), 48, 48)) for point in mark.track]
    assert len(overlaps) >= 18
    assert np.mean(overlaps) > 0.75


def test_films_without_marks_have_none(eyes: Eyes, tmp_path: Path) -> None:
    assert marks_of(seen(eyes, tmp_path, shots(50, 40, 30, 50))) == ()


def test_a_camera_on_a_tripod_is_inconclusive_and_not_full_of_marks(eyes: Eyes, tmp_path: Path) -> None:
    sight = seen(eyes, tmp_path, still(7, 100))

    assert marks_of(sight) == ()
    assert sight.watermarks is not None
    assert sight.watermarks.inconclusive == ((0.0, 4.0),)


def test_graphics_of_one_scene_are_no_mark(eyes: Eyes, tmp_path: Path) -> None:
    film = chain(camera(1, 50), with_logo(camera(2, 60), LOGO, lambda _: (216, 110), start=10, end=50), camera(3, 40))

    assert marks_of(seen(eyes, tmp_path, film)) == ()


def test_the_same_tripod_seen_again_and_again_is_no_witness(eyes: Eyes, tmp_path: Path) -> None:
    film = chain(still(7, 40), still(8, 40), still(7, 40), still(8, 40))

    assert marks_of(seen(eyes, tmp_path, film)) == ()


def test_boxes_are_in_pixels_as_displayed(eyes: Eyes, tmp_path: Path) -> None:
    film = with_logo(shots(40, 40, 40), LOGO, lambda _: (300, 16))

    (mark,) = marks_of(seen(eyes, tmp_path, film, pixel_shape=Fraction(2)))

    assert overlap(mark.box, (600, 16, 96, 48)) > 0.7


def test_one_frame_is_one_scene(eyes: Eyes, tmp_path: Path) -> None:
    sight = seen(eyes, tmp_path, camera(1, 1))

    assert boundaries_of(sight) == []
    assert marks_of(sight) == ()


def test_what_is_no_film_is_said_to_be_none(eyes: Eyes, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"nothing to see" * 1000)

    with pytest.raises(UnreadableVideo, match="upload it again"):
        look(eyes, path, Order((Step.SCENES,), "fast", 1.0, 1, 2, 2), tmp_path)
