"""Cuts, fades, flashes and wipes in tiny pictures whose story is known."""

import numpy as np
from numpy.typing import NDArray

from vision.domain.boundaries import Boundary, Scores, find_boundaries, hinted_scores
from vision.domain.pictures import TINY_HEIGHT, TINY_WIDTH, Pictures, shrink

Film = NDArray[np.uint8]


def a_shot(seed: int, frames: int, *, noise: float = 1.0) -> Film:
    random = np.random.default_rng(seed)
    scene = random.uniform(20, 200, (TINY_HEIGHT, TINY_WIDTH, 3))
    return np.asarray(np.clip(scene + random.normal(0, noise, (frames, *scene.shape)), 0, 255), np.uint8)


def told(pictures: Pictures, *, one: dict[int, float] | None = None, many: dict[int, float] | None = None) -> Scores:
    scores = np.zeros((2, len(pictures)), np.float32)
    for row, values in enumerate((one or {}, many or {})):
        for frame, value in values.items():
            scores[row, frame] = value
    return Scores(scores[0], scores[1])


def found(film: Film, *, one: dict[int, float] | None = None, many: dict[int, float] | None = None) -> list[Boundary]:
    pictures = Pictures.of(film)
    return find_boundaries(pictures, told(pictures, one=one, many=many))


def test_a_cut_is_placed_on_the_first_frame_of_the_new_shot() -> None:
    film = np.concatenate([a_shot(1, 30), a_shot(2, 30)])

    boundaries = found(film, one={29: 0.9})

    assert boundaries == [Boundary(30, "cut", 0.9)]


def test_a_plain_exchange_of_the_picture_is_a_cut_even_when_the_net_only_hints() -> None:
    film = np.concatenate([a_shot(1, 30), a_shot(2, 30)])

    boundaries = found(film, one={29: 0.05})

    assert [boundary.frame for boundary in boundaries] == [30]


def test_shots_of_three_frames_are_told_apart() -> None:
    film = np.concatenate([a_shot(seed, 3) for seed in range(8)])

    boundaries = found(film, one={frame: 0.5 for frame in range(2, 22, 3)})

    assert [boundary.frame for boundary in boundaries] == list(range(3, 24, 3))


def test_a_flash_is_no_cut() -> None:
    film = a_shot(1, 60)
    film[30] = 250

    assert found(film, one={29: 0.9, 30: 0.9}) == []


def test_a_change_of_light_is_no_cut() -> None:
    film = a_shot(1, 60)
    film[30:] = np.clip(film[30:] * 0.6, 0, 255).astype(np.uint8)

    assert found(film, one={29: 0.39}) == []


def test_a_dissolve_has_one_boundary_inside() -> None:
    first, second = a_shot(1, 50).astype(np.float32), a_shot(2, 50).astype(np.float32)
    share = np.linspace(0, 1, 20)[:, None, None, None]
    mixed = first[:20] * (1 - share) + second[:20] * share
    film = np.concatenate([first[:30], mixed, second[:30]]).astype(np.uint8)

    boundaries = found(film, one={39: 0.8, 40: 0.6}, many=dict.fromkeys(range(30, 50), 0.9))

    (boundary,) = boundaries
    assert boundary.transition == "dissolve"
    assert 38 <= boundary.frame <= 42


def test_a_fade_through_black_is_one_boundary_in_the_black() -> None:
    first, second = a_shot(1, 40).astype(np.float32), a_shot(2, 40).astype(np.float32)
    down = np.linspace(1, 0, 10)[:, None, None, None]
    black = np.zeros((6, *first.shape[1:]), np.float32)
    film = np.concatenate([first[:30], first[:10] * down, black, second[:10] * down[::-1], second[:30]])

    boundaries = found(
        film.astype(np.uint8), one={35: 0.7, 51: 0.7}, many=dict.fromkeys([*range(30, 40), *range(46, 56)], 0.9)
    )

    (boundary,) = boundaries
    assert boundary.transition == "fade"
    assert 40 <= boundary.frame <= 46


def test_a_film_that_begins_with_a_fade_has_no_boundary_there() -> None:
    shot = a_shot(1, 60).astype(np.float32)
    shot[:20] *= np.linspace(0, 1, 20)[:, None, None, None]

    assert found(shot.astype(np.uint8), one={10: 0.8}, many=dict.fromkeys(range(20), 0.9)) == []


def test_a_wipe_that_the_net_does_not_see_is_found() -> None:
    first, second = a_shot(1, 60), a_shot(2, 60)
    film = np.concatenate([first[:30], first[:12].copy(), second[:30]])
    for index in range(12):
        edge = round((index + 1) / 13 * TINY_WIDTH)
        film[30 + index, :, :edge] = second[0, :, :edge]

    (boundary,) = found(film)

    assert boundary.transition == "dissolve"
    assert 28 <= boundary.frame <= 44


def test_a_moving_camera_is_no_transition() -> None:
    scene = np.random.default_rng(5).uniform(0, 255, (TINY_HEIGHT, 400, 3)).astype(np.uint8)
    film = np.stack([scene[:, index : index + TINY_WIDTH] for index in range(200)])

    assert found(film) == []


def test_without_a_net_plain_black_between_two_shots_is_a_fade() -> None:
    first, second = a_shot(1, 40).astype(np.float32), a_shot(2, 40).astype(np.float32)
    down = np.linspace(1, 0.1, 8)[:, None, None, None]
    film = np.concatenate([first, first[:8] * down, np.zeros((5, *first.shape[1:])), second[:8] * down[::-1], second])
    pictures = Pictures.of(film.astype(np.uint8))

    boundaries = find_boundaries(pictures, hinted_scores(pictures, []))

    assert [boundary.transition for boundary in boundaries] == ["fade"]


def test_tiny_pictures_are_means_of_blocks() -> None:
    frames = np.zeros((2, 27, 48, 3), np.uint8)
    frames[1, :3, :3] = 90

    tiny = shrink(frames)

    assert tiny.shape == (2, TINY_HEIGHT, TINY_WIDTH, 3)
    assert tiny[1, 0, 0].tolist() == [90, 90, 90]
    assert tiny[1].sum() == 270


def test_measures_do_not_depend_on_how_a_long_film_is_cut_into_blocks() -> None:
    film = np.random.default_rng(1).integers(0, 256, (4200, TINY_HEIGHT, TINY_WIDTH, 3)).astype(np.uint8)

    pictures = Pictures.of(film)

    steps = np.abs(np.diff(film.astype(np.float32), axis=0)).mean(axis=(1, 2, 3))
    assert np.allclose(pictures.change[1:], steps, atol=0.01)
    assert np.allclose(pictures.spread, film.astype(np.float32).mean(axis=3).std(axis=(1, 2)), atol=0.01)
