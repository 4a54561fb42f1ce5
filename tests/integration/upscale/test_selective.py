"""What was chosen is sharpened; the rest is made as large by a plain filter, and the film stays whole."""

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from support.upscale_films import BARS, flat, frames_of, planned, times_of, upscaled, written
from upscale.adapters.plain import plain_planes
from upscale.domain.color import Color
from upscale.domain.plan import ChunkSpan

RANGES = [{"start": 0.4, "end": 0.8}, {"start": 1.2, "end": 1.4}]


def lanczos(source: Path, scale: int) -> list[NDArray[Any]]:
    """Luma of every frame, enlarged by Pillow's Lanczos: somebody else's."""
    from PIL import Image

    return [
        np.asarray(
            Image.fromarray(frame).resize((frame.shape[1] * scale, frame.shape[0] * scale), Image.Resampling.LANCZOS)
        )
        for frame in frames_of(source, pixel_format="gray")
    ]


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def test_what_is_not_chosen_is_there_too_as_large_and_unsharpened(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "upscale" / "flower_x4_compressed.mp4"

    film = upscaled(source, tmp_path, ranges=RANGES, only=False, longest=20, crf=8)

    sharp = {*range(12, 24), *range(36, 42)}
    plainly = lanczos(source, 2)
    repeated = [frame.repeat(2, 0).repeat(2, 1) for frame in frames_of(source, pixel_format="gray")]
    result = frames_of(film.path, pixel_format="gray")
    assert film.report.passed
    assert film.report.selection == ((12, 24), (36, 42))
    assert (film.report.frames_out, film.report.sharpened_frames) == (len(plainly), 18)
    for number, frame in enumerate(result):
        nearer, farther = (repeated, plainly) if number in sharp else (plainly, repeated)
        assert distance(frame, nearer[number]) < distance(frame, farther[number]), number


def test_the_whole_film_keeps_its_times_and_its_sound(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "nasty" / "vfr.mp4"

    film = upscaled(source, tmp_path, start=1.7, end=2.3, only=False)

    assert film.report.failures == ()
    assert film.report.selection == ((17, 29),)
    assert times_of(film.path) == times_of(source)
    with av.open(str(source)) as was, av.open(str(film.path)) as now:
        heard = [sum(1 for _ in container.demux(audio=0)) for container in (was, now)]
    assert heard[1] == heard[0]


def test_each_chunk_is_wholly_sharpened_or_wholly_not(evaluation_data: Path, tmp_path: Path) -> None:
    film = upscaled(
        evaluation_data / "nasty" / "no_audio.mp4", tmp_path, ranges=[{"start": 0.2, "end": 0.4}], only=False, longest=9
    )

    assert [(chunk.start_frame, chunk.frames, chunk.plain) for chunk in film.report.chunks if not chunk.plain] == [
        (5, 5, False)
    ]
    assert {chunk.engine for chunk in film.report.chunks if chunk.plain} == {"lanczos"}


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("layout", ["yuv420p", "yuv444p"])
def test_colours_do_not_jump_where_sharpening_ends(tmp_path: Path, bits: int, layout: str) -> None:
    """Whichever way the plain frames take, planes or R'G'B'."""
    step = 1 if bits == 8 else 4
    bars = [(y * step, cb * step, cr * step) for y, cb, cr in BARS]
    luma, blue, red = flat(bars, kind=np.uint8 if bits == 8 else np.uint16)
    if layout == "yuv444p":
        blue, red = (plane.repeat(2, 0).repeat(2, 1) for plane in (blue, red))
    kind = layout if bits == 8 else f"{layout}10le"
    source = written(tmp_path / "bars.mp4", [(luma, blue, red)] * 6, pixel_format=kind)

    film = upscaled(source, tmp_path, crf=1, end=0.08, only=False)

    with av.open(str(film.path)) as container:
        pictures = [frame.to_ndarray() for frame in container.decode(video=0)]
    sharp, plain = pictures[0].astype(int), pictures[-1].astype(int)
    middles = (slice(16, 48), [16 + 64 * number + 16 for number in range(len(bars))])
    assert film.report.passed
    assert film.report.color_equal
    assert np.abs(sharp[middles[0]][:, middles[1]] - plain[middles[0]][:, middles[1]]).max() <= step
    assert np.abs(plain[32, middles[1]] - [bar[0] for bar in bars]).max() <= step


def test_both_ways_of_enlarging_plainly_give_the_same_picture(evaluation_data: Path) -> None:
    source = evaluation_data / "upscale" / "flower_x4_clean.mp4"
    plan = planned(source, end=0.05)
    span = ChunkSpan(start=plan.first, end=plan.end)

    by_planes = next(iter(plain_planes(source, plan, span)))
    turned = plan.model_copy(update={"orientation": plan.orientation.__class__(flip_x=True)})
    by_rgb = next(iter(plain_planes(source, turned, span)))

    for plane, mirrored in zip(by_planes, by_rgb, strict=True):
        difference = np.abs(plane.astype(int) - mirrored[:, ::-1].astype(int))
        assert float(difference.mean()) < 1.5


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_chroma_of_plain_frames_stays_where_it_was(tmp_path: Path, siting: Any) -> None:
    ramp = np.tile(np.linspace(60, 200, 32).astype(np.uint8), (16, 1))
    source = written(tmp_path / "ramp.mp4", [(np.full((32, 64), 128, np.uint8), ramp, ramp)] * 2)
    plan = planned(source)
    color = Color(False, 1, 1, 1, siting, 8)
    turned = plan.orientation.__class__(flip_y=True)
    span = plan.chunks[0]

    _, planes, _ = next(iter(plain_planes(source, plan.model_copy(update={"color": color}), span)))
    exact = plan.model_copy(update={"color": color, "orientation": turned})
    _, by_rgb, _ = next(iter(plain_planes(source, exact, span)))

    assert np.abs(planes[8:-8, 8:-8].astype(int) - by_rgb[8:-8, 8:-8].astype(int)).max() <= 1


def test_a_chunk_of_a_chosen_film_is_where_the_plan_says(evaluation_data: Path) -> None:
    plan = planned(evaluation_data / "nasty" / "vfr.mp4", ranges=RANGES, only=False)

    spans = [plan.seconds(chunk) for chunk in plan.chunks]

    assert spans[0][0] == 0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert float((plan.end_pts - plan.origin) * Fraction(plan.time_base)) == pytest.approx(spans[-1][1], abs=0.001)


@pytest.mark.parametrize("layout", ["yuv420p", "yuv444p"])
def test_what_is_darker_than_black_and_brighter_than_white_stays_so(tmp_path: Path, layout: str) -> None:
    """Footroom and headroom, which R'G'B' cannot say: whichever way the plain frames take."""
    luma = np.tile(np.repeat(np.array([5, 128, 250], np.uint8), 16), (16, 1))
    neutral = np.full(luma.shape if layout == "yuv444p" else (8, 24), 128, np.uint8)
    source = written(tmp_path / "beyond.mp4", [(luma, neutral, neutral)], pixel_format=layout)
    plan = planned(source)

    large, _, _ = next(iter(plain_planes(source, plan, ChunkSpan(start=0, end=1))))

    assert np.abs(large[16, [16, 48, 80]].astype(int) - [5, 128, 250]).max() <= 1
