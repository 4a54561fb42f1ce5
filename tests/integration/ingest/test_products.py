"""What is derived from a film: sound in step, pictures of the right moments, a proxy for browsers."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.adapters.intake import examine
from support.ingest_clips import click_at, make_clip
from support.ingest_orders import TERMS, order_for, samples_of, taken_in


def test_a_film_browsers_play_is_copied_frame_for_frame(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=3)

    media, folder = taken_in(clip, tmp_path)

    with av.open(str(clip)) as original, av.open(str(folder / "proxy.mp4")) as proxy:
        sizes = [[packet.size for packet in file.demux(video=0)] for file in (original, proxy)]
    assert media.frames == 75
    assert sizes[0] == sizes[1]
    assert (folder / "proxy.mp4").read_bytes().index(b"moov") < (folder / "proxy.mp4").read_bytes().index(b"mdat")


def test_another_film_is_encoded_smaller_with_regular_key_frames_and_every_frame(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", seconds=5, size=(1600, 900), key_every=500)

    media, folder = taken_in(clip, tmp_path)

    with av.open(str(folder / "proxy.mp4")) as proxy:
        frames = list(proxy.decode(video=0))
    assert (frames[0].width, frames[0].height) == (1280, 720)
    assert len(frames) == media.frames == 125
    assert [round(frame.time or 0, 2) for frame in frames if frame.key_frame][:3] == [0, 2, 4]
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(125)], abs=0.001)


def test_sample_zero_is_heard_with_the_first_frame(tmp_path: Path) -> None:
    early = make_clip(tmp_path / "early.mkv", seconds=3, click_s=1.5)
    # The same sound, with a picture that begins one second late: the click comes half a second after it.
    late = make_clip(tmp_path / "late.mkv", seconds=3, click_s=1.5, pts=range(25, 75))

    clicks = [click_at(samples_of(taken_in(clip, tmp_path)[1] / "audio.wav"), 16_000) for clip in (early, late)]
    starts = [taken_in(clip, tmp_path)[0].audio[0].start for clip in (early, late)]

    assert clicks == pytest.approx([1.5, 0.5], abs=0.025)  # Matroska's clock, and the coder's delay
    assert starts == pytest.approx([0, -1], abs=0.025)


@pytest.mark.parametrize("ending", ["mov", "mp4"])
@pytest.mark.parametrize("timecode", ["01:00:00;02", "10:11:12:13", None])
def test_the_timecode_of_the_first_frame_is_known_where_the_film_has_one(
    tmp_path: Path, ending: str, timecode: str | None
) -> None:
    clip = make_clip(
        tmp_path / f"clip.{ending}", seconds=0.4, rate=Fraction(30000, 1001), click_s=None, timecode=timecode,
    )  # fmt: skip

    assert taken_in(clip, tmp_path)[0].timecode == timecode


def test_variable_times_reach_the_proxy_unchanged(tmp_path: Path) -> None:
    times = [0, 1, 2, 3, 13, 14, 15, 40, 41, 42, 43, 44]
    clip = make_clip(tmp_path / "clip.mkv", pts=times, click_s=None)

    media, folder = taken_in(clip, tmp_path)

    with av.open(str(folder / "proxy.mp4")) as proxy:
        shown = [frame.time for frame in proxy.decode(video=0)]
    assert media.variable_frame_rate
    assert shown == pytest.approx([ticks / 25 for ticks in times], abs=0.001)


def test_the_sheet_shows_each_hundredth_of_the_film(tmp_path: Path) -> None:
    clip = grey_ramp(tmp_path / "ramp.mp4", frames=200)

    _, folder = taken_in(clip, tmp_path)

    with av.open(str(folder / "thumbnails.jpg")) as image:
        sheet = next(image.decode(video=0)).to_ndarray(format="gray")
    height, width = (side // 10 for side in sheet.shape)
    shades = [
        float(sheet[row * height : (row + 1) * height, column * width : (column + 1) * width].mean())
        for row in range(10)
        for column in range(10)
    ]
    assert width == 160
    assert shades == pytest.approx([20 + 2 * index + 1 for index in range(100)], abs=3)


def test_the_picture_on_the_poster_stands_upright(evaluation_data: Path, tmp_path: Path) -> None:
    upright, turned = (
        taken_in(evaluation_data / "nasty" / name, tmp_path)[1] for name in ("rotated_180.mp4", "rotated_90.mp4")
    )

    posters = []
    for folder in (upright, turned):
        with av.open(str(folder / "poster.jpg")) as poster, av.open(str(folder / "proxy.mp4")) as proxy:
            picture = next(poster.decode(video=0)).to_ndarray(format="gray").astype(int)
            likest = min(
                float(np.abs(frame.to_ndarray(format="gray").astype(int) - picture).mean())
                for frame in proxy.decode(video=0)
            )
        posters.append(likest)

    assert max(posters) < 8  # the proxy, turned by ffmpeg, has a frame like the poster, turned by us


def test_progress_rises_from_nothing_to_all(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", seconds=2)
    told: list[float] = []

    examine(order_for(clip, tmp_path), lambda fraction, message: told.append(fraction))

    assert told[0] == 0
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.05)


def test_frames_are_counted_exactly_in_real_films(evaluation_data: Path, tmp_path: Path) -> None:
    truths = {
        "cuts/cuts_a.mp4": (839, "30/1", 27.967),
        "watermarks/wm_a_pos_moving_60pct.mp4": (130, "25/1", 5.2),
        "main/demo_a.mp4": (5211, "25/1", 208.44),
    }

    seen = {name: taken_in(evaluation_data / name, tmp_path)[0] for name in truths}

    assert {name: (media.frames, media.frame_rate, media.duration) for name, media in seen.items()} == truths
    assert all(not media.warnings and not media.variable_frame_rate for media in seen.values())


def test_a_smaller_bound_makes_a_smaller_proxy(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size=(360, 640))

    _, folder = taken_in(clip, tmp_path, terms=replace(TERMS, proxy_longest=320))

    with av.open(str(folder / "proxy.mp4")) as proxy:
        frame = next(proxy.decode(video=0))
    assert (frame.width, frame.height) == (180, 320)


def grey_ramp(path: Path, *, frames: int) -> Path:
    """A film that goes from dark to light, one shade a frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"crf": "5", "preset": "ultrafast"}
        for index in range(frames):
            picture = np.full((180, 320, 3), 20 + index, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
