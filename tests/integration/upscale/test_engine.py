"""The network on this machine's processor: the right numbers, the same in tiles, and a real film made sharper."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from chassis.models import ModelStore, ModelUnavailable
from support.plain_network import sharpened, tone_kept
from support.upscale_films import frames_of, upscaled, workshop
from support.upscale_plans import a_plan
from upscale.adapters.engines import enhancer_for
from upscale.adapters.int8 import integers_of
from upscale.adapters.kept_engine import kept_enhancer
from upscale.adapters.ncnn import read_layers
from upscale.adapters.openvino_enhancer import OpenVinoEnhancer
from upscale.adapters.srvgg import DETAIL, TONE_RADIUS, load_network
from upscale.adapters.tiling import TiledEnhancer
from upscale.adapters.weights import ANIME_VIDEO, PARAM, WEIGHTS
from upscale.ports import Enhancer

Array = NDArray[Any]


@pytest.fixture(scope="module")
def picture(evaluation_data: Path) -> Array:
    """A real frame, 96x64, planes first."""
    frame = frames_of(evaluation_data / "upscale" / "flower_x4_clean.mp4", pixel_format="rgb24")[5]
    return np.ascontiguousarray(frame[30:94, 70:166].transpose(2, 0, 1))


def engine(folder: Path, *, scale: int, precision: str) -> Enhancer:
    return enhancer_for(ANIME_VIDEO.name, scale=scale, workshop=workshop(folder, precision=precision))


def enlarged(source: Path) -> Array:
    """Luma of the first frame, twice as large by bicubic interpolation."""
    with av.open(f"file:{source}") as container:
        frame = next(container.decode(video=0))
        wider = frame.reformat(2 * frame.width, 2 * frame.height, "gray", interpolation="BICUBIC")
        return wider.to_ndarray().astype(float)


def steepness(luma: Array) -> float:
    """Mean of the steepest tenth of steps between neighbours."""
    steps = np.sort(np.abs(np.diff(luma)).ravel())
    return float(steps[-len(steps) // 10 :].mean())


def distance_db(a: Array, b: Array) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_engine_computes_the_published_network(tmp_path: Path, picture: Array, scale: int) -> None:
    patch = picture[:, :24, :24]
    folder = ModelStore(None, tmp_path / "cache").ensure(ANIME_VIDEO)
    large = sharpened(read_layers(folder / PARAM, folder / WEIGHTS), patch, scale=scale)
    expected = tone_kept(patch / 255, large, scale=scale, radius=TONE_RADIUS, detail=DETAIL) * 255

    computed = engine(tmp_path, scale=scale, precision="f32").enhance(patch[None])[0]

    assert np.abs(computed - expected).max() <= 0.52


@pytest.mark.parametrize("precision", ["f32", "int8"])
@pytest.mark.parametrize("level", [16, 64, 128, 200, 235])
def test_a_grey_stays_the_same_grey(tmp_path: Path, precision: str, level: int) -> None:
    grey = np.full((1, 3, 80, 80), level, np.uint8)

    computed = engine(tmp_path, scale=2, precision=precision).enhance(grey)

    away_from_the_edge = computed[:, :, 50:-50, 50:-50]
    assert np.abs(away_from_the_edge.astype(int) - level).max() <= 1


def test_a_frame_in_tiles_equals_the_untiled_frame(tmp_path: Path, picture: Array) -> None:
    exact = engine(tmp_path, scale=2, precision="f32")
    whole = exact.enhance(picture[None])[0]

    (tiled,) = TiledEnhancer(exact, scale=2, tile_pixels=64 * 64).enhance([picture])

    assert np.abs(tiled.astype(int) - whole.astype(int)).max() <= 1


@pytest.mark.parametrize(("precision", "least_db"), [("bf16", 50), ("f16", 58), ("int8", 46)])
def test_a_quicker_precision_is_close_to_the_exact_one(
    tmp_path: Path, picture: Array, precision: str, least_db: float
) -> None:
    exact = engine(tmp_path, scale=2, precision="f32").enhance(picture[None])

    quick = engine(tmp_path, scale=2, precision=precision).enhance(picture[None])

    assert distance_db(quick, exact) > least_db


@pytest.mark.parametrize("name", ["flower_x2_clean", "flower_x2_compressed", "bbb_x2_clean", "crystal_x2_compressed"])
def test_eight_bits_are_fifty_decibels_from_exact_on_films_made_twice_as_large(
    evaluation_data: Path, tmp_path: Path, name: str
) -> None:
    frame = frames_of(evaluation_data / "upscale" / f"{name}.mp4", pixel_format="rgb24")[20]
    seen = np.ascontiguousarray(frame[40:200, 60:300].transpose(2, 0, 1))[None]
    exact = engine(tmp_path, scale=2, precision="f32").enhance(seen)

    quick = engine(tmp_path, scale=2, precision="int8").enhance(seen)

    assert distance_db(quick, exact) >= 50


def test_more_bits_go_through_without_being_cut(tmp_path: Path, picture: Array) -> None:
    sharp = engine(tmp_path, scale=2, precision="int8")

    deep = sharp.enhance(picture[None].astype(np.float32) / 255)
    exact = engine(tmp_path, scale=2, precision="f32").enhance(picture[None])

    assert deep.dtype == np.float32
    assert len(np.unique(deep)) > 10_000
    assert np.abs(deep * 255 - exact).max() <= 0.51


def test_the_quickest_precision_is_measured_once_for_a_machine(tmp_path: Path) -> None:
    network = load_network(ModelStore(None, tmp_path / "cache").ensure(ANIME_VIDEO), scale=2)

    integers = integers_of(ANIME_VIDEO.name)
    first = OpenVinoEnhancer(network, precision="auto", cache_dir=tmp_path / "cache", integers=integers)
    remembered = (tmp_path / "cache" / "openvino" / "precision.json").read_text()
    second = OpenVinoEnhancer(network, precision="auto", cache_dir=tmp_path / "cache", integers=integers)

    assert first.precision in {"f32", "bf16", "f16", "int8"}
    assert f'"{first.precision}"' in remembered
    assert second.precision == first.precision


def test_a_measurement_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network(ModelStore(None, tmp_path / "cache").ensure(ANIME_VIDEO), scale=2)
    integers = integers_of(ANIME_VIDEO.name)
    whole, tried = OpenVinoEnhancer._trial, list[str]()

    def trial(enhancer: OpenVinoEnhancer, precision: str) -> Any:
        tried.append(precision)
        if precision == "int8" and tried.count("int8") == 1:
            raise KeyboardInterrupt
        return whole(enhancer, precision)

    monkeypatch.setattr(OpenVinoEnhancer, "_trial", trial)
    with pytest.raises(KeyboardInterrupt):
        OpenVinoEnhancer(network, precision="auto", cache_dir=tmp_path / "cache", integers=integers)
    OpenVinoEnhancer(network, precision="auto", cache_dir=tmp_path / "cache", integers=integers)

    assert tried.count("f32") == 1
    assert tried[-2:] == ["int8", "int8"]


def test_a_useless_cache_folder_does_not_stop_the_work(tmp_path: Path, picture: Array) -> None:
    network = load_network(ModelStore(None, tmp_path / "cache").ensure(ANIME_VIDEO), scale=2)
    (tmp_path / "file").write_text("in the way")

    sharp = OpenVinoEnhancer(network, precision="f32", cache_dir=tmp_path / "file").enhance(picture[None])

    assert sharp.shape == (1, 3, 128, 192)


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_a_real_film_has_more_detail_than_an_enlargement(evaluation_data: Path, tmp_path: Path, precision: str) -> None:
    source = evaluation_data / "upscale" / "bbb_x4_compressed.mp4"

    film = upscaled(source, tmp_path, enhancer=engine(tmp_path, scale=2, precision=precision), end=0.15, longest=2)

    small = frames_of(source, pixel_format="gray")[0].astype(float)
    large = frames_of(film.path, pixel_format="gray")[0].astype(float)
    back = large.reshape(small.shape[0], 2, small.shape[1], 2).mean(axis=(1, 3))
    assert film.report.passed
    assert film.report.frames_out == 4
    assert distance_db(back, small) > 28  # the same picture
    assert abs(float(back.mean() - small.mean())) < 0.5  # as bright as it was
    assert steepness(large) > 1.05 * steepness(enlarged(source))  # with steeper edges


def test_an_engine_is_there_for_the_next_chunk_unless_something_else_is_wanted(tmp_path: Path) -> None:
    here = workshop(tmp_path, precision="f32")
    twice = a_plan(model=ANIME_VIDEO.name, model_sha256=ANIME_VIDEO.sha256, scale=2)

    first = kept_enhancer(twice, here)
    after_memory_ran_out = kept_enhancer(twice, replace(here, tile_pixels=9000))
    other_scale = kept_enhancer(twice.model_copy(update={"scale": 3}), here)
    first_again = kept_enhancer(twice, here)

    assert after_memory_ran_out is first
    assert other_scale is not first
    assert first_again is not first  # one at a time: two might not fit into memory


def test_weights_that_are_not_those_of_the_plan_make_no_chunk(tmp_path: Path) -> None:
    elsewhere = a_plan(model=ANIME_VIDEO.name, model_sha256="0" * 64)

    with pytest.raises(ModelUnavailable, match="where it was planned"):
        kept_enhancer(elsewhere, workshop(tmp_path))
