"""Every codec and container: chunks are joined packet for packet, and what is beside the picture comes along."""

import hashlib
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet

from support.upscale_films import BARS, Repeating, flat, frames_of, made_chunks, planned, times_of, upscaled, written
from upscale.adapters.assembling import assemble
from upscale.adapters.encoding import ChunkEncoder
from upscale.adapters.inspecting import setup_of
from upscale.adapters.subtitles import text_of
from upscale.domain.encoding import Encoding
from upscale.domain.refusals import UnsupportedVideo
from upscale.ports import AssemblyOrder

KINDS = [
    ("h264", "mp4", "h264"),
    ("h265", "mp4", "hevc"),
    ("av1", "mp4", "av1"),
    ("h264", "mkv", "h264"),
    ("h265", "mkv", "hevc"),
    ("av1", "mkv", "av1"),
    ("ffv1", "mkv", "ffv1"),
]


def payloads(path: Path) -> list[str]:
    """A digest of each picture as it is stored, in decoding order."""
    with av.open(f"file:{path}") as container:
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size]


def a_film(folder: Path, *, frames: int = 9, bits: int = 8) -> Path:
    step = 1 if bits == 8 else 4
    bars = [(y * step, blue * step, red * step) for y, blue, red in BARS[:3]]
    deep = np.uint8 if bits == 8 else np.uint16
    pictures = [
        flat([((40 + 15 * number) * step, 128 * step, 128 * step), *bars], kind=deep) for number in range(frames)
    ]
    kind = "yuv420p" if bits == 8 else "yuv420p10le"
    ticks = [1001 * number for number in range(frames)]
    return written(folder / "source.mp4", pictures, time_base=Fraction(1, 30000), ticks=ticks, pixel_format=kind)


@pytest.mark.parametrize(("codec", "container", "name"), KINDS)
@pytest.mark.parametrize("bits", [8, 10])
def test_chunks_are_joined_without_encoding_again(
    tmp_path: Path, codec: str, container: str, name: str, bits: int
) -> None:
    source = a_film(tmp_path, bits=bits)
    plan = planned(source, longest=4, codec=codec, container=container, preset="ultrafast")
    chunks = made_chunks(source, plan, tmp_path, Repeating())
    target = tmp_path / f"film.{container}"

    report = assemble(AssemblyOrder(source, plan, tuple(chunks), target)).report

    assert report.failures == ()
    assert (report.codec, report.container, len(chunks)) == (codec, container, 3)
    assert payloads(target) == [payload for path, _ in chunks for payload in payloads(path)]
    assert len({setup_of(path) for path, _ in chunks}) == 1
    with av.open(str(target)) as film:
        assert film.streams.video[0].codec_context.name.replace("libdav1d", "av1") == name
        keys = [packet.is_keyframe for packet in film.demux(video=0) if packet.size]
    assert all(keys[start] for start in (0, 3, 6))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these classes, and only there SVT-AV1 takes one")
@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "ffv1"])
def test_no_encoder_goes_before_everything_else_on_the_machine(tmp_path: Path, codec: str) -> None:
    """SVT-AV1 makes itself and its caller real-time where it may (root, limits.conf): all beside it starves."""
    plan = planned(a_film(tmp_path), codec=codec, container="mkv")
    before = {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}

    with ChunkEncoder(tmp_path / "chunk", plan) as encoder:
        (width, height), grey = plan.size, np.uint8(128)
        luma, blue, red = (np.full((height // part, width // part), grey) for part in (1, 2, 2))
        encoder.add((luma, blue, red), plan.ticks(0), 1001)
        classes = {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}

    assert before == classes == {os.SCHED_OTHER}


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("again", range(4))
def test_a_chunk_of_a_frame_or_two_is_decoded_when_the_others_are(tmp_path: Path, frames: int, again: int) -> None:
    """x265 times the decoding of so few by what lies in memory, so one try may be lucky."""
    source = a_film(tmp_path, frames=frames)
    plan = planned(source, codec="h265", container="mp4")

    ((path, _),) = made_chunks(source, plan, tmp_path, Repeating())

    with av.open(str(path)) as chunk:
        ahead = [(packet.pts or 0) - (packet.dts or 0) for packet in chunk.demux(video=0) if packet.size]
        assert chunk.streams.video[0].time_base == Fraction(1, 30000)
    assert len(ahead) == frames, again
    assert 2 * 1001 <= ahead[0] <= 2 * 1200, "two frames; the last one's length is the muxer's guess"
    assert all(0 <= ticks <= 4 * 1200 for ticks in ahead)


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "ffv1"])
def test_groups_of_pictures_are_closed_within_a_chunk_too(tmp_path: Path, codec: str) -> None:
    often = Encoding(preset="medium", keyframe_frames=5)
    texture = np.random.default_rng(3).integers(60, 190, (4, 8)).repeat(16, 0).repeat(16, 1).astype(np.uint8)
    pictures = [flat([(128, 128, 128)] * 2, size=64)] * 14
    moving = [(np.roll(texture, 2 * number, 1), *chroma) for number, (_, *chroma) in enumerate(pictures)]
    film = upscaled(written(tmp_path / "source.mp4", moving), tmp_path, encoding=often, codec=codec)
    whole, when = frames_of(film.path, pixel_format="gray"), times_of(film.path)

    with av.open(str(film.path)) as opened:
        stream = opened.streams.video[0]
        keys = [packet.pts for packet in opened.demux(stream) if packet.is_keyframe and packet.pts is not None]
        for key in keys:
            opened.seek(key, stream=stream, backward=False)
            found = next(opened.decode(stream))
            assert found.pts == key  # nothing of the group before is shown in between
            number = when.index(key * (stream.time_base or Fraction(1)))
            assert np.array_equal(found.to_ndarray(format="gray"), whole[number])
    assert len(film.plan.chunks) == 1
    assert len(keys) >= 3


@pytest.mark.parametrize(("codec", "container"), [("h265", "mp4"), ("av1", "mp4"), ("ffv1", "mkv")])
def test_the_film_can_be_entered_at_every_chunk(tmp_path: Path, codec: str, container: str) -> None:
    film = upscaled(a_film(tmp_path), tmp_path, longest=3, codec=codec, container=container)
    whole = frames_of(film.path, pixel_format="gray")

    with av.open(str(film.path)) as opened:
        stream = opened.streams.video[0]
        when = times_of(film.path)[3]
        opened.seek(int(when / (stream.time_base or 1)), stream=stream, backward=False)
        found = next(opened.decode(stream)).to_ndarray(format="gray")

    assert np.array_equal(found, whole[3])


def test_a_picture_so_narrow_that_its_encoder_would_die_is_refused_in_words(tmp_path: Path) -> None:
    source = written(tmp_path / "source.mp4", [flat([(128, 128, 128)], size=20)] * 3)

    with pytest.raises(UnsupportedVideo, match=r"40 pixels wide, .* another codec"):
        planned(source, codec="h265")

    assert upscaled(source, tmp_path, codec="h265", scale=3).report.passed


def test_ffv1_loses_nothing(tmp_path: Path) -> None:
    plan = planned(a_film(tmp_path), codec="ffv1")
    noise = np.random.default_rng(7)
    width, height = plan.size
    pictures = [
        tuple(noise.integers(0, 256, (height // part, width // part), np.uint8) for part in (1, 2, 2))
        for _ in range(plan.frames)
    ]

    with ChunkEncoder(tmp_path / "noise.mkv", plan) as encoder:
        for number, (luma, blue, red) in enumerate(pictures):
            encoder.add((luma, blue, red), plan.ticks(number), 1001)

    for was, now in zip(pictures, frames_of(tmp_path / "noise.mkv"), strict=True):
        assert np.array_equal(np.concatenate([plane.ravel() for plane in was]), now.ravel())


def test_ffv1_goes_into_matroska_whatever_the_operator_likes(tmp_path: Path) -> None:
    film = upscaled(a_film(tmp_path, frames=2), tmp_path, codec="ffv1", crf=20)

    assert (film.path.suffix, film.report.container, film.report.crf) == (".mkv", "mkv", None)
    assert film.report.passed


def test_quality_and_effort_are_what_a_job_asks_for(tmp_path: Path, evaluation_data: Path) -> None:
    source = evaluation_data / "nasty" / "no_audio.mp4"
    (tmp_path / "fine").mkdir()
    (tmp_path / "coarse").mkdir()

    fine = upscaled(source, tmp_path / "fine", end=0.3, crf=12, preset="medium")
    coarse = upscaled(source, tmp_path / "coarse", end=0.3, crf=40)

    assert fine.path.stat().st_size > 2 * coarse.path.stat().st_size
    assert (fine.report.crf, fine.report.preset, coarse.report.preset) == (12, "medium", "ultrafast")


@pytest.mark.parametrize(
    "name",
    [
        "two_audio_tracks.mp4",
        "surround_51.mp4",
        "vp9.webm",
        "prores.mov",
        "audio_delayed_500ms.mp4",
        "start_at_1h.ts",
        "anamorphic_sar2.mp4",
        "vfr.mp4",
    ],
)
def test_matroska_takes_every_sound_as_it_is(evaluation_data: Path, tmp_path: Path, name: str) -> None:
    source = evaluation_data / "nasty" / name

    film = upscaled(source, tmp_path, end=0.3, container="mkv")

    with av.open(f"file:{source}") as was, av.open(str(film.path)) as now:
        kept = [stream.codec_context.codec.canonical_name for stream in now.streams.audio]
        assert kept == [stream.codec_context.codec.canonical_name for stream in was.streams.audio]
    assert film.report.failures == ()
    assert not [warning for warning in film.report.warnings if "encoded anew" in warning]


@pytest.mark.parametrize("stretch", [{}, {"start": 0.5, "end": 0.75}])
@pytest.mark.parametrize(
    ("kind", "codec", "rate"), [("mp4", "aac", 44100), ("mov", "pcm_s24le", 44100), ("mov", "pcm_alaw", 8000)]
)
def test_in_matroska_too_the_sound_ends_to_the_sample_where_it_should(
    tmp_path: Path, kind: str, codec: str, rate: int, stretch: dict[str, Any]
) -> None:
    source = tmp_path / f"source.{kind}"
    with av.open(str(source), "w") as container:
        picture = container.add_stream("libx264", rate=60, width=32, height=32, pix_fmt="yuv420p")
        sound: Any = container.add_stream(codec, rate=rate, layout="mono")
        for _ in range(60):
            container.mux(picture.encode(av.VideoFrame(32, 32, "yuv420p")))
        for begin in range(0, rate, 1024):  # the last packet of a second is not full
            frame = av.AudioFrame.from_ndarray(np.zeros((1, min(1024, rate - begin)), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = rate, begin
            container.mux(sound.encode(frame))
        container.mux([*picture.encode(None), *sound.encode(None)])

    film = upscaled(source, tmp_path, container="mkv", **stretch)

    with av.open(str(film.path)) as result:
        *_, last = result.decode(audio=0)
        end = (last.pts or 0) * (last.time_base or 0) + Fraction(last.samples, last.sample_rate)
    assert film.report.failures == ()
    assert float(end) == pytest.approx(stretch.get("end", 1) - stretch.get("start", 0), abs=0.0011)


def test_a_film_with_all_there_is_keeps_it_in_matroska(rich: Path, tmp_path: Path) -> None:
    film = upscaled(rich, tmp_path, container="mkv")

    with av.open(str(film.path)) as now:
        assert [stream.type for stream in now.streams] == ["video", "audio", "audio", "subtitle", "attachment"]
        assert [stream.metadata.get("language") for stream in now.streams.audio] == ["eng", "deu"]
        assert [bool(stream.disposition & av.stream.Disposition.default) for stream in now.streams.audio] == [
            False,
            True,
        ]
        (attachment,) = now.streams.attachments
        assert (attachment.name, attachment.data) == ("note.txt", b"keep me")
        assert [chapter["metadata"]["title"] for chapter in now.chapters()] == ["One", "Two"]
        assert now.metadata["title"] == "A film with everything"
        words = [bytes(packet) for packet in now.demux(subtitles=0) if packet.size]
    assert words == [b"Good evening."]
    assert film.report.warnings == ()
    assert film.report.passed


@pytest.mark.parametrize("codec", ["hdmv_pgs_subtitle", "dvb_subtitle"])
def test_pictures_of_words_that_are_shown_until_the_next_ones_come_along(tmp_path: Path, codec: str) -> None:
    """As Blu-ray and DVB have them: without any duration."""
    source = tmp_path / "source.mkv"
    bare = written(tmp_path / "bare.mp4", [flat([(40 + 3 * number, 128, 128)] * 2) for number in range(50)])
    shown = [(0.0, b"one"), (0.5, b"two"), (1.0, b"three"), (1.6, b"four")]
    with av.open(str(bare)) as original, av.open(str(source), "w") as container:
        picture = container.add_stream_from_template(original.streams.video[0])
        words = container.add_mux_stream(codec)
        for when, said in shown:
            packet: Any = Packet(b"\x16\0\x13" + said.ljust(19, b"\0") + b"\x80\0\0")  # a composition, and its end
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = int(1000 * when)
            container.mux(packet)
        for packet in original.demux(original.streams.video[0]):
            if packet.pts is not None:
                packet.stream = picture
                container.mux(packet)

    found = []
    for stretch in ({}, {"start": 0.72, "end": 1.52}):
        film = upscaled(source, tmp_path, container="mkv", **dict[str, Any](stretch))
        with av.open(str(film.path)) as result:
            packets = [packet for packet in result.demux(result.streams.subtitles[0]) if packet.pts is not None]
        found.append([(float((p.pts or 0) * p.time_base), bytes(p)[3:22].rstrip(b"\0")) for p in packets])

    assert found == [shown, [(0.0, b"two"), (0.28, b"three")]]


def test_what_mp4_cannot_hold_is_named_with_what_to_do(rich: Path, tmp_path: Path) -> None:
    film = upscaled(rich, tmp_path)

    assert [warning for warning in film.report.warnings if "ask for the container mkv" in warning] == list(
        film.report.warnings
    )
    assert len(film.report.warnings) == 2
    with av.open(str(film.path)) as now:
        assert [chapter["metadata"]["title"] for chapter in now.chapters()] == ["One", "Two"]
        assert [stream.metadata.get("language") for stream in now.streams.audio] == ["eng", "deu"]


def test_quicktime_text_is_read() -> None:
    assert text_of(b"\x00\x0dGood evening.\x00\x00\x00\x0cstyl") == "Good evening."
    assert text_of(b"\x00\x00") == ""
    assert text_of(b"\x00\x06" + "hi".encode("utf-16")) == "hi"


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """Two sound tracks of which the second is the default one, subtitles, chapters, an attachment, a title."""
    picture = a_film(tmp_path, frames=12)
    target = tmp_path / "rich.mkv"
    with av.open(str(picture)) as source, av.open(str(target), "w") as out:
        out.metadata["title"] = "A film with everything"
        video = out.add_stream_from_template(source.streams.video[0])
        tracks: list[Any] = [out.add_stream("aac", rate=16000, layout="mono") for _ in range(2)]
        for track, language in zip(tracks, ("eng", "deu"), strict=True):
            track.metadata["language"] = language
        tracks[0].disposition = av.stream.Disposition(0)
        tracks[1].disposition = av.stream.Disposition.default
        text = out.add_mux_stream("subrip")
        out.add_attachment("note.txt", "text/plain", b"keep me")
        marks = [("One", 0, 200), ("Two", 200, 400)]
        out.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for number, (title, start, end) in enumerate(marks)
            ]
        )
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for track in tracks:
            samples = np.zeros((1, 6400), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
            out.mux([*track.encode(frame), *track.encode(None)])
        words = av.Packet(b"Good evening.")
        words.stream, words.time_base, words.pts, words.dts, words.duration = text, Fraction(1, 1000), 100, 100, 200
        out.mux(words)
    return target
