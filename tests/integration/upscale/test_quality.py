"""Compressed films come out better than by enlarging, and as steady as they went in."""

from pathlib import Path

import pytest

from support.film_scores import enlarged, motion_in, read_frames, score, trembling
from support.upscale_films import upscaled, workshop
from upscale.adapters.engines import enhancer_for
from upscale.adapters.weights import ANIME_VIDEO
from upscale.domain.plan import Encoding

FRAMES = 3


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("name", ["flower", "bbb", "crystal"])
def test_a_compressed_film_comes_out_better_than_enlarged_and_as_steady_as_it_went_in(
    evaluation_data: Path, tmp_path: Path, name: str, factor: int
) -> None:
    folder = evaluation_data / "upscale"
    source = folder / f"{name}_x{factor}_compressed.mp4"
    small, large = (read_frames(path, count=FRAMES) for path in (source, folder / f"{name}_hr.mp4"))
    size = large[0].width, large[0].height
    truth = enlarged(large, size, "BICUBIC")
    bicubic, lanczos = enlarged(small, size, "BICUBIC"), enlarged(small, size, "LANCZOS")
    engine = enhancer_for(ANIME_VIDEO.name, scale=factor, workshop=workshop(tmp_path, precision="auto"))

    film = upscaled(
        source, tmp_path, enhancer=engine, scale=factor, encoding=Encoding(), end=float(small[-1].time) + 0.001
    )

    ours = enlarged(read_frames(film.path), size, "BICUBIC")
    assert film.report.passed
    assert score(ours, truth).vmaf > max(score(bicubic, truth).vmaf, score(lanczos, truth).vmaf)
    motion = motion_in(truth)
    assert trembling(ours, motion) <= trembling(lanczos, motion)
