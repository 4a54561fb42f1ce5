"""Rules of the upscaler that no other suite holds; docs/upscaling.md says where each of the eighteen is held."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typing_extensions import override

from support.upscale_films import Repeating, flat, frames_of, planned, times_of, upscaled, workshop, written
from upscale.adapters import extracting, making
from upscale.adapters.extracting import frames_between, wanted_frames
from upscale.adapters.reading import decoded
from upscale.domain.keys import chunk_key, lease_key
from upscale.domain.plan import ChunkSpan
from upscale.ports import ChunkOrder


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames with B frames and few key frames, each brighter than the one before."""
    frames = [flat([(20 + 5 * number, 128, 128)] * 2) for number in range(40)]
    return written(tmp_path_factory.mktemp("films") / "moving.mp4", frames, key_every=17)


def test_rule_1_frames_are_those_that_decode_whatever_the_container_says(evaluation_data: Path) -> None:
    source = evaluation_data / "nasty" / "corrupt_middle.mp4"
    with av.open(f"file:{source}") as container:
        promised = container.streams.video[0].frames

    plan = planned(source)

    assert 0 < plan.frames < promised
    assert list(plan.pts) == sorted(set(plan.pts))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 39), length=st.integers(1, 12))
def test_rule_3_any_stretch_is_taken_out_to_the_frame(moving: Path, start: int, length: int) -> None:
    plan, end = planned(moving), min(40, start + length)

    taken = [int(frame.to_ndarray()[0, 0]) for frame in frames_between(moving, plan, start, end)]

    assert taken == [20 + 5 * number for number in range(start, end)]


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "libx264"), ("ts", "libx264"), ("mpg", "mpeg2video")])
def test_rule_3_a_stretch_costs_no_more_decoding_far_into_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, codec: str
) -> None:
    """In MPEG streams too, which seek by decoding times."""
    film, noise, seen = tmp_path / f"film.{ending}", np.random.default_rng(7), list[int]()
    with av.open(str(film), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, width=96, height=64, pix_fmt="yuv420p")
        stream.codec_context.options = {"g": "10", "bf": "2"}
        for _ in range(90):
            picture = noise.integers(0, 255, (96, 96), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        container.mux(stream.encode(None))
    whole, plan = frames_of(film, pixel_format="gray"), planned(film)

    def counted(*of: Any) -> Iterator[av.VideoFrame]:
        for frame in decoded(*of):
            seen.append(1)
            yield frame

    monkeypatch.setattr(extracting, "decoded", counted)
    taken = [frame.to_ndarray(format="gray") for frame in frames_between(film, plan, 75, 85)]

    assert np.array_equal(taken, whole[75:85])
    assert len(seen) <= 30  # a group of ten before it, what is wanted, and tries that ended at once


def test_rule_5_chunks_sort_as_they_are_numbered() -> None:
    job: Any = "job"
    names = [chunk_key(job, job, "plan", index) for index in (2, 10, 1, 100)]

    assert sorted(names) == [chunk_key(job, job, "plan", index) for index in (1, 2, 10, 100)]
    assert lease_key(job, job, "plan", 2, 7).endswith("000002.7.mp4")


class Watching(Repeating):
    """Enlarges, and notes what it was given, by whom, and how far the decoder was ahead."""

    def __init__(self, taken: list[int]) -> None:
        super().__init__()
        self.taken = taken
        self.kinds: set[str] = set()
        self.threads: set[int] = set()
        self.ahead: list[int] = []
        self.done = 0

    @override
    def enhance(self, pictures: NDArray[Any], /) -> NDArray[Any]:
        self.kinds.add(str(pictures.dtype))
        self.threads.add(threading.get_ident())
        self.ahead.append(len(self.taken) - self.done)
        self.done += 1
        return super().enhance(pictures)


def test_rule_15_frames_travel_as_bytes_through_three_threads_and_few_at_a_time(
    moving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    decoders: set[int] = set()
    real = extracting.wanted_frames

    def counted(*wanted: Any) -> Iterator[av.VideoFrame]:
        decoders.add(threading.get_ident())
        for frame in real(*wanted):
            taken.append(1)
            yield frame

    monkeypatch.setattr(making, "wanted_frames", counted)
    watching = Watching(taken)
    plan = planned(moving)

    making.make_chunk_with(watching, ChunkOrder(moving, plan, 0, tmp_path / "chunk.mp4", workshop(tmp_path), attempt=1))

    assert watching.kinds == {"uint8"}
    assert len({*decoders, *watching.threads, threading.get_ident()}) == 3
    assert max(watching.ahead) <= 8


def fields(number: int) -> NDArray[np.uint8]:
    """A bar that moves by four pixels from one field to the next, the upper field first."""
    picture = np.full((64, 96), 40, np.uint8)
    for field in (0, 1):
        left = 8 + 8 * number + 4 * field
        picture[field::2, left : left + 12] = 200
    return picture


@pytest.fixture(scope="module")
def woven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight interlaced frames, marked so."""
    target = tmp_path_factory.mktemp("films") / "woven.mp4"
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.options = {"qp": "0", "preset": "ultrafast", "x264-params": "tff=1"}
        for number in range(8):
            frame = av.VideoFrame.from_ndarray(fields(number), format="gray").reformat(format="yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def combing(luma: NDArray[Any]) -> float:
    """How much each line differs from the mean of its neighbours."""
    lines = luma.astype(float)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())


def test_rule_12_an_interlaced_film_is_made_whole_on_request_frame_for_frame(woven: Path, tmp_path: Path) -> None:
    (tmp_path / "as it is").mkdir()
    (tmp_path / "whole").mkdir()

    as_it_is = upscaled(woven, tmp_path / "as it is")
    whole = upscaled(woven, tmp_path / "whole", deinterlace=True)

    combed, clean = (
        [combing(frame[::2, ::2]) for frame in frames_of(film.path, pixel_format="gray")] for film in (as_it_is, whole)
    )
    assert "Ask for deinterlace" in as_it_is.report.warnings[0]
    assert whole.report.warnings == ()
    assert whole.report.passed
    assert times_of(whole.path) == times_of(woven)
    assert max(clean[1:-1]) < 0.2 * min(combed[1:-1])


def test_rule_12_a_chunk_is_deinterlaced_as_if_there_were_no_chunks(woven: Path) -> None:
    plan = planned(woven, deinterlace=True)

    whole = [frame.to_ndarray() for frame in wanted_frames(woven, plan, ChunkSpan(start=0, end=8))]
    parts = [
        frame.to_ndarray()
        for start in range(8)
        for frame in wanted_frames(
            woven, plan.part(ChunkSpan(start=start, end=start + 1)), ChunkSpan(start=start, end=start + 1)
        )
    ]

    assert len(whole) == 8
    for a, b in zip(whole, parts, strict=True):
        assert np.array_equal(a, b)


def test_rule_12_a_film_that_hides_its_fields_is_deinterlaced_all_the_same(moving: Path, tmp_path: Path) -> None:
    film = upscaled(moving, tmp_path, deinterlace=True, end=0.2)

    assert film.plan.deinterlace == "all"
    assert "no frame of the original is marked interlaced" in film.report.warnings[0]
    assert film.report.passed


def test_rule_12_a_lone_interlaced_frame_is_one_frame(woven: Path, tmp_path: Path) -> None:
    film = upscaled(woven, tmp_path, deinterlace=True, end=0.04)

    assert (film.report.frames_out, film.report.passed) == (1, True)


_PEAK = """
import resource, sys
from pathlib import Path
from contracts.gateway import UpscaleOptions
from upscale.adapters.indexing import draw_plan
from upscale.domain.encoding import Encoding
from upscale.ports import PlanOrder
plan = draw_plan(PlanOrder(Path(sys.argv[1]), "0" * 64, UpscaleOptions(start=1.0, end=2.0), Encoding(), 8.0))
print(plan.frames, len(plan.chunks), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_an_hour_is_indexed_and_planned_in_the_memory_that_a_minute_takes(tmp_path: Path) -> None:
    found = {}
    for name, seconds in (("minute", 60), ("hour", 3600)):
        film = an_age(tmp_path / f"{name}.mp4", seconds)
        said = subprocess.run([sys.executable, "-c", _PEAK, str(film)], check=True, capture_output=True, text=True)
        found[name] = [int(number) for number in said.stdout.split()]

    (minute, _, small), (hour, chunks, large) = found["minute"], found["hour"]
    print(f"a minute: {small / 1024:.0f} MB at the most, an hour: {large / 1024:.0f} MB, {chunks} chunks")
    assert (minute, hour) == (600, 36_000)
    assert large - small < 48 * 1024


def an_age(path: Path, seconds: int) -> Path:
    """A long film of tiny frames, ten a second: one group of pictures, told over and over."""
    group = written(
        path.with_suffix(".group.mp4"), [flat([(40 + n, 128, 128)], size=16) for n in range(50)], key_every=50
    )
    with av.open(str(group)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            for packet in source.demux(video=0)
            if packet.size
        ]
        base = source.streams.video[0].time_base or Fraction(1)
        length = round(Fraction(50, 25) / base)
        for turn in range(seconds * 10 // 50):
            for payload, pts, dts, is_key in packets:
                packet = av.Packet(payload)
                packet.stream, packet.time_base = stream, base * Fraction(25, 10)
                packet.pts, packet.dts = (pts or 0) + turn * length, (dts or 0) + turn * length
                packet.is_keyframe = is_key
                out.mux(packet)
    return path
