"""Real and awkward films through the whole picture and sound path, pixels repeated instead of enhanced."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from support.upscale_films import (
    BARS,
    Repeating,
    flat,
    frames_of,
    made_chunks,
    planned,
    times_of,
    upscaled,
    written,
)
from upscale.adapters.assembling import assemble
from upscale.adapters.extracting import frames_between
from upscale.adapters.making import ChunkUnsound, verify_chunk
from upscale.domain.color import Color
from upscale.domain.refusals import ChunkDamaged, UnsupportedColor, UnsupportedVideo
from upscale.ports import AssemblyOrder


@pytest.mark.parametrize(
    ("name", "start", "end", "frames"),
    [
        ("vfr.mp4", 1.7, 2.3, (17, 29)),
        ("fps_29_97.mp4", 0.5, 1.0, (15, 30)),
        ("fps_120.mp4", 0.5, 0.75, (60, 90)),
        ("odd_size.webm", None, 0.25, (0, 6)),
        ("odd_size_444.mp4", None, 0.25, (0, 6)),
        ("anamorphic_sar2.mp4", 1.0, 1.25, (24, 30)),
        ("rotated_90.mp4", 1.0, 1.25, (24, 30)),
        ("one_frame.mp4", None, None, (0, 1)),
        ("ten_bit_h264.mp4", 1.0, 1.25, (24, 30)),
        ("audio_delayed_500ms.mp4", 0.25, 0.75, (6, 18)),
        ("start_at_1h.ts", 1.0, 1.5, (24, 36)),
        ("prores.mov", 0.5, 1.0, (12, 24)),
        ("two_audio_tracks.mp4", 1.0, 1.5, (24, 36)),
        ("flv1.flv", 0.5, 1.0, (12, 24)),
        ("mpeg4.avi", 0.5, 1.0, (11, 23)),  # a frame is missing before
        ("matroska_named.mp4", 0.5, 1.0, (12, 24)),
        ("wmv2.wmv", 0.0, 0.5, (0, 12)),
        ("interlaced.mp4", 0.0, 0.4, (0, 10)),
    ],
)
def test_the_same_frames_at_the_same_times_with_the_same_sound(
    evaluation_data: Path, tmp_path: Path, name: str, start: float | None, end: float | None, frames: tuple[int, int]
) -> None:
    source = evaluation_data / "nasty" / name

    film = upscaled(source, tmp_path, start=start, end=end, longest=5)

    first, last = frames
    original = times_of(source)[first:last]
    assert film.report.failures == ()
    assert film.report.passed
    assert (film.report.start_frame, film.report.end_frame) == frames
    assert times_of(film.path) == [time - original[0] for time in original]
    assert (
        abs(film.report.av_drift_ms) < 1000 * float(original[-1] - original[0]) / max(1, last - first - 1) or last == 1
    )
    assert len(film.report.chunks) == len(film.plan.chunks) >= (last - first) / 5


def test_the_picture_is_the_frame_that_was_asked_for(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "nasty" / "vfr.mp4"

    film = upscaled(source, tmp_path, start=1.7, end=2.3, longest=5)

    expected = frames_of(source, pixel_format="gray")[17:29]
    for was, now in zip(expected, frames_of(film.path, pixel_format="gray"), strict=True):
        assert np.abs(was.astype(int) - now[::2, ::2].astype(int)).mean() < 3


def test_a_chunked_film_is_the_unchunked_one(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "nasty" / "vfr.mp4"
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()

    whole = upscaled(source, tmp_path / "whole", start=1.5, end=2.5)
    parts = upscaled(source, tmp_path / "parts", start=1.5, end=2.5, longest=4)

    assert len(parts.plan.chunks) > len(whole.plan.chunks)
    assert times_of(parts.path) == times_of(whole.path)
    for a, b in zip(frames_of(whole.path), frames_of(parts.path), strict=True):
        assert np.abs(a.astype(int) - b.astype(int)).mean() < 2


def test_a_phone_video_is_seen_upright(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "nasty" / "rotated_90.mp4"

    film = upscaled(source, tmp_path, end=0.1)

    upright = np.rot90(frames_of(source, pixel_format="gray")[0])
    result = frames_of(film.path, pixel_format="gray")[0]
    assert (film.report.width, film.report.height) == (532, 1280)
    assert np.abs(upright.astype(int) - result[::2, ::2].astype(int)).mean() < 3
    with av.open(str(film.path)) as container:
        assert next(container.decode(video=0)).rotation == 0


@pytest.mark.parametrize(
    ("codec", "container"), [("h264", "mp4"), ("h264", "mkv"), ("h265", "mp4"), ("h265", "mkv"), ("av1", "mp4")]
)
def test_pixels_keep_their_shape(evaluation_data: Path, tmp_path: Path, codec: str, container: str) -> None:
    source = evaluation_data / "nasty" / "anamorphic_sar2.mp4"

    film = upscaled(source, tmp_path, end=0.1, codec=codec, container=container)

    assert film.report.failures == ()
    with av.open(str(film.path)) as result:
        assert result.streams.video[0].sample_aspect_ratio == 2


def test_sound_that_was_damaged_in_the_original_stays_as_it_was_and_is_named(
    evaluation_data: Path, tmp_path: Path
) -> None:
    film = upscaled(evaluation_data / "nasty" / "corrupt_middle.mp4", tmp_path, start=2, end=5)

    assert film.report.failures == ()
    assert any("sound track 0 of the original cannot be decoded" in said for said in film.report.warnings)


@pytest.mark.parametrize(("codec", "hint"), [("av1", "av1 in mp4"), ("ffv1", "h264 or h265")])
def test_what_would_lose_the_shape_of_pixels_is_refused_before_any_work(
    evaluation_data: Path, codec: str, hint: str
) -> None:
    with pytest.raises(UnsupportedVideo, match=hint):
        planned(evaluation_data / "nasty" / "anamorphic_sar2.mp4", codec=codec, container="mkv")


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bits", [8, 10])
def test_colour_bars_come_back(tmp_path: Path, codec: str, bits: int) -> None:
    step = 1 if bits == 8 else 4
    bars = [(y * step, cb * step, cr * step) for y, cb, cr in BARS]
    frame = flat(bars, kind=np.uint8 if bits == 8 else np.uint16)
    kind = "yuv420p" if bits == 8 else "yuv420p10le"
    source = written(tmp_path / "bars.mp4", [frame] * 3, pixel_format=kind)

    film = upscaled(source, tmp_path, crf=1, codec=codec)

    assert film.report.passed
    planes = planes_of(film.path)
    for place, bar in enumerate(bars):
        found = [
            int(plane[plane.shape[0] // 2, (2 * place + 1) * plane.shape[1] // (2 * len(bars))]) for plane in planes
        ]
        assert np.abs(np.array(found) - bar).max() <= step


@pytest.mark.parametrize(
    "tags", [(1, 1, 1, 1), (2, 1, 13, 1), (1, 5, 6, 5), (1, 6, 6, 6), (1, 9, 14, 9)],
    ids=["bt709", "full range", "bt601 pal", "bt601 ntsc", "bt2020"],
)  # fmt: skip
def test_what_a_film_says_about_its_colours_is_carried_over(tmp_path: Path, tags: tuple[int, int, int, int]) -> None:
    source = written(tmp_path / "tagged.mp4", [flat(BARS[:4])] * 2, tags=tags)

    film = upscaled(source, tmp_path)

    with av.open(str(film.path)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
    assert film.report.color_equal
    assert (int(frame.color_range), int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace)) == tags
    assert context.name == "h264"


@pytest.mark.parametrize(
    ("name", "refusal", "words"),
    [
        ("ten_bit_hevc_pq.mp4", UnsupportedColor, "HDR"),
        ("resolution_change.ts", UnsupportedVideo, "640x266 to 480x270"),
        ("cover_art.m4a", UnsupportedVideo, "no video"),
        ("huge_canvas.mkv", UnsupportedVideo, "32000x32000"),
        ("ffconcat_named.mp4", UnsupportedVideo, "cannot be read"),
        ("text_renamed.mp4", UnsupportedVideo, "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    evaluation_data: Path, name: str, refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        planned(evaluation_data / "nasty" / name)


def test_an_original_that_changed_is_noticed(evaluation_data: Path, tmp_path: Path) -> None:
    plan = planned(evaluation_data / "nasty" / "no_audio.mp4", start=1.0, end=1.2)
    wrong = plan.model_copy(update={"key_frames": (plan.key_frames[0].model_copy(update={"check": 1}),)})

    frames = list(frames_between(evaluation_data / "nasty" / "no_audio.mp4", wrong, wrong.first, wrong.end))

    assert [frame.pts for frame in frames] == list(plan.pts)  # decoded from the very start instead


def test_chunks_that_are_not_what_was_verified_are_not_joined(evaluation_data: Path, tmp_path: Path) -> None:
    source = evaluation_data / "nasty" / "no_audio.mp4"
    plan = planned(source, end=0.4, longest=5)
    chunks = made_chunks(source, plan, tmp_path, Repeating())
    chunks[1][0].write_bytes(chunks[0][0].read_bytes())

    with pytest.raises(ChunkDamaged) as damaged:
        assemble(AssemblyOrder(source, plan, tuple(chunks), tmp_path / "film.mp4"))

    assert damaged.value.indexes == (1,)


@pytest.mark.parametrize(
    ("change", "brightness", "words"),
    [
        ({"pts": (0, 512, 1024, 1600)}, [0.0] * 4, "other times"),
        ({"scale": 3}, [0.0] * 4, "sizes"),
        ({"color": Color(True, 1, 1, 1, "left", 8)}, [0.0] * 4, "colour tags"),
        ({}, [0.0, 0.0, 90.0, 0.0], "frame 2 is another one"),
    ],
    ids=["times", "size", "colours", "content"],
)
def test_a_chunk_that_is_not_what_was_meant_is_not_accepted(
    tmp_path: Path, change: dict[str, Any], brightness: list[float], words: str
) -> None:
    source = written(tmp_path / "dark.mp4", [flat([(16, 128, 128)] * 2)] * 4, time_base=Fraction(1, 12800))
    plan = planned(source).model_copy(update={"pts": (0, 1, 2, 3), "end_pts": 4})
    ((path, _),) = made_chunks(source, plan, tmp_path, Repeating())
    levels = [16 + level for level in brightness]
    verify_chunk(path, plan, plan.chunks[0], [16.0] * 4)

    with pytest.raises(ChunkUnsound, match=words):
        verify_chunk(path, plan.model_copy(update=change), plan.chunks[0], levels)


def planes_of(path: Path) -> list[NDArray[Any]]:
    """Y', Cb and Cr of the first frame."""
    with av.open(f"file:{path}") as container:
        frame = next(container.decode(video=0))
        deep = frame.format.components[0].bits > 8
        return [
            np.frombuffer(memoryview(plane), "<u2" if deep else np.uint8)
            .reshape(plane.height, -1)[:, : plane.width]
            .copy()
            for plane in frame.planes
        ]


def sound_of(path: Path, start: float, length: float) -> NDArray[Any]:
    """Mono samples at 8 kHz, ``start`` seconds after the first frame."""
    with av.open(f"file:{path}") as container:
        video = container.streams.video[0]
        frame = next(container.decode(video))
        origin = (frame.pts or 0) * (frame.time_base or Fraction(1))
    samples = np.zeros(round(length * 8000), np.float32)
    with av.open(f"file:{path}") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=8000)
        for sound in container.decode(audio=0):
            begin = round(float((sound.pts or 0) * (sound.time_base or Fraction(1)) - origin - Fraction(start)) * 8000)
            for piece in resampler.resample(sound):
                values = piece.to_ndarray()[0]
                left, right = max(0, begin), min(len(samples), begin + len(values))
                if right > left:
                    samples[left:right] = values[left - begin : right - begin]
                begin += len(values)
    return samples


@pytest.mark.parametrize(("name", "start"), [("fps_29_97.mp4", 2.345), ("prores.mov", 0.76), ("vp9.webm", 0.51)])
def test_a_stretch_sounds_as_it_did_in_the_film(evaluation_data: Path, tmp_path: Path, name: str, start: float) -> None:
    source = evaluation_data / "nasty" / name
    film = upscaled(source, tmp_path, start=start, end=start + 1)
    began = float((film.plan.pts[0] - film.plan.origin) * film.plan.time_base)

    was, now = sound_of(source, began, 0.9), sound_of(film.path, 0.0, 0.9)

    shifts = range(-200, 201)
    likeness = [float(np.dot(was[400:-400], np.roll(now, shift)[400:-400])) for shift in shifts]
    assert abs(shifts[int(np.argmax(likeness))]) <= 16  # 2 ms
    assert float(np.abs(was[400:-400]).max()) > 0.01
