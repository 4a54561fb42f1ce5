"""The rulers that enlarged films are measured with."""

from itertools import pairwise

import numpy as np
import pytest

from support.film_scores import Frame, motion_in, score, trembling, unsteadiness

HEIGHT, WIDTH = 180, 240


def moving(count: int, *, pixels: int = 2, flicker: int = 0, noise: float = 0) -> list[Frame]:
    """Soft blobs that drift to the right, on a ground that may flicker, under noise that may be new in every frame."""
    random = np.random.default_rng(3)
    coarse = random.uniform(40, 210, (HEIGHT // 12 + 2, (WIDTH + 8 * count) // 12 + 2))
    rows, columns = np.arange(HEIGHT) / 12, np.arange(WIDTH + 8 * count) / 12
    across = np.stack([np.interp(columns, np.arange(coarse.shape[1]), row) for row in coarse])
    scene = np.stack([np.interp(rows, np.arange(coarse.shape[0]), column) for column in across.T]).T
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    frames = []
    for number in range(count):
        start = pixels * (count - number)
        seen = scene[:, start : start + WIDTH] + flicker * (number % 2) + random.normal(0, noise, (HEIGHT, WIDTH))
        frames.append((np.clip(np.rint(seen), 0, 255).astype(np.uint8), grey, grey))
    return frames


def test_a_film_is_best_beside_itself_and_worse_with_noise() -> None:
    truth = moving(3)

    itself, noisy = score(truth, truth), score(moving(3, noise=8), truth)

    assert itself.vmaf > 95 > noisy.vmaf
    assert itself.vmaf_neg > noisy.vmaf_neg
    assert itself.psnr_db > 50 > noisy.psnr_db > 25
    assert itself.ssim == pytest.approx(1, abs=1e-4)
    assert noisy.ssim < 0.98


def test_films_of_another_length_or_size_are_not_compared() -> None:
    film = moving(3)

    with pytest.raises(ValueError, match="length and size"):
        score(film, film[:2])


def test_what_only_moves_is_steady_and_what_flickers_is_not() -> None:
    truth = moving(4)
    motion = motion_in(truth)

    steady, flickering = unsteadiness(truth, motion), unsteadiness(moving(4, flicker=6), motion)

    assert all(not np.array_equal(a[0], b[0]) for a, b in pairwise(truth))
    assert steady < 1.5
    assert flickering == pytest.approx(6, abs=1)


def test_trembling_grows_with_flicker_and_not_with_contrast() -> None:
    truth = moving(4)
    motion = motion_in(truth)
    harder = [(np.clip(luma.astype(int) * 2 - 128, 0, 255).astype(np.uint8), *rest) for luma, *rest in truth]

    assert unsteadiness(harder, motion) > 1.3 * unsteadiness(truth, motion)
    assert trembling(harder, motion) == pytest.approx(trembling(truth, motion), rel=0.3)
    assert trembling(moving(4, flicker=6), motion) > 2 * trembling(truth, motion)
