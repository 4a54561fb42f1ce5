"""Compressed films come out better than by enlarging, and hardly less steady."""

from pathlib import Path

import pytest

from support.film_scores import enlarged, motion_in, read_frames, score, unsteadiness
from support.upscale_films import upscaled, workshop
from upscale.adapters.engines import enhancer_for
from upscale.adapters.weights import ANIME_VIDEO

FRAMES = 3
FLICKER = 1.05
"""What may come of sharpening what flickers already, with the encoder's own share."""


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("name", ["flower", "bbb", "crystal"])
def test_a_compressed_film_comes_out_better_than_enlarged_and_hardly_less_steady(
    evaluation_data: Path, tmp_path: Path, name: str, factor: int
) -> None:
    folder = evaluation_data / "upscale"
    source = folder / f"{name}_x{factor}_compressed.mp4"
    small, large = (read_frames(path, count=FRAMES) for path in (source, folder / f"{name}_hr.mp4"))
    size = large[0].width, large[0].height
    truth = enlarged(large, size, "BICUBIC")
    bicubic, lanczos = enlarged(small, size, "BICUBIC"), enlarged(small, size, "LANCZOS")
    engine = enhancer_for(ANIME_VIDEO.name, scale=factor, workshop=workshop(tmp_path, precision="auto"))

    film = upscaled(source, tmp_path, enhancer=engine, scale=factor, end=float(small[-1].time) + 0.001)

    ours = enlarged(read_frames(film.path), size, "BICUBIC")
    assert film.report.passed
    assert score(ours, truth).vmaf > max(score(bicubic, truth).vmaf, score(lanczos, truth).vmaf)
    size = small[0].width, small[0].height
    source_itself, shrunk = enlarged(small, size, "AREA"), enlarged(read_frames(film.path), size, "AREA")
    motion = motion_in(source_itself)
    assert unsteadiness(shrunk, motion) <= FLICKER * unsteadiness(source_itself, motion)
