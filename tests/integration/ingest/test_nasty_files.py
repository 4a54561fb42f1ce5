"""Every broken or unusual file we have is judged as its truth says."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.documents import Media
from contracts.ingest import RejectionReason
from ingest.adapters.intake import examine
from ingest.domain.refusal import Refused
from support.ingest_orders import order_for, samples_of, taken_in

REASONS = {
    "zero_bytes.mp4": RejectionReason.EMPTY,
    "text_renamed.mp4": RejectionReason.NOT_MEDIA,
    "random_bytes.mp4": RejectionReason.NOT_MEDIA,
    "truncated_no_moov.mp4": RejectionReason.TRUNCATED,
    "ftyp_only.mp4": RejectionReason.TRUNCATED,
    "audio_only.mp4": RejectionReason.NO_VIDEO,
    "audio_only.mp3": RejectionReason.NO_VIDEO,
    "cover_art.m4a": RejectionReason.NO_VIDEO,
    "huge_canvas.mkv": RejectionReason.TOO_MANY_PIXELS,
    "resolution_change.ts": RejectionReason.UNSUPPORTED,
    "jpeg_named.mp4": RejectionReason.NOT_MEDIA,
    "playlist_named.mp4": RejectionReason.FORBIDDEN_FORMAT,
    "ffconcat_named.mp4": RejectionReason.FORBIDDEN_FORMAT,
}
"""Files that are turned away; every other one is taken in."""

# What "expected" in the truth file allows: taking in, turning away, or either.
MAY_ADMIT = {
    "process", "process_with_warning", "process_real_duration", "process_or_reject_quickly",
    "process_or_reject_with_reason", "process_partial_or_reject_with_reason",
}  # fmt: skip
MAY_REFUSE = {
    "reject", "reject_over_limit", "process_or_reject_quickly", "process_or_reject_with_reason",
    "process_partial_or_reject_with_reason", "process_audio_or_reject_with_reason", "treat_as_audio",
}  # fmt: skip
WITH_WARNINGS = {"corrupt_middle.mp4", "truncated_faststart.mp4", "audio_longer_than_video.mp4"}


@pytest.fixture(scope="module")
def nasty(evaluation_data: Path) -> Path:
    return evaluation_data / "nasty"


@pytest.fixture(scope="module")
def truths(nasty: Path) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads((nasty / "nasty_a.truth.json").read_text())["files"]
    assert len(files) == 54
    return files


def test_refusals_are_those_the_truth_allows_and_say_what_to_do(
    nasty: Path, truths: list[dict[str, Any]], tmp_path: Path
) -> None:
    refused = {}

    for truth in truths:
        if truth["file"] in REASONS:
            with pytest.raises(Refused) as refusal:
                examine(order_for(nasty / truth["file"], tmp_path), lambda fraction, message: None)
            refused[truth["file"]] = refusal.value

    assert {name: refusal.reason for name, refusal in refused.items()} == REASONS
    assert {truth["expected"] for truth in truths if truth["file"] in refused} <= MAY_REFUSE
    assert all(len(refusal.detail) > 40 for refusal in refused.values())


def test_everything_else_is_taken_in_and_measured_as_the_truth_says(
    nasty: Path, truths: list[dict[str, Any]], tmp_path: Path
) -> None:
    admitted = [truth for truth in truths if truth["file"] not in REASONS]

    seen = {truth["file"]: taken_in(nasty / truth["file"], tmp_path) for truth in admitted}

    assert {truth["expected"] for truth in admitted} <= MAY_ADMIT
    for truth in admitted:
        media, folder = seen[truth["file"]]
        check_against(truth, media)
        check_products(media, folder)
    assert {name for name, (media, _) in seen.items() if media.warnings} == WITH_WARNINGS


def check_against(truth: dict[str, Any], media: Media) -> None:
    name = truth["file"]
    assert media.sha256 == truth["sha256"], name
    assert media.size_bytes == truth["bytes"], name
    assert bool(media.audio) == any(stream.startswith("audio") for stream in truth["streams"]), name
    if "n_frames" in truth:
        assert media.frames == truth["n_frames"], name
    if "duration_s" in truth:
        assert media.duration == pytest.approx(truth["duration_s"], abs=0.01), name
    shown = truth.get("displayed_size") or f"{truth.get('width')}x{truth.get('height')}"
    if "None" not in shown:
        assert f"{media.width}x{media.height}" == shown, name
    codec, width, height = next(s.split()[1:4] for s in truth["streams"] if s.startswith("video"))
    assert (media.video_codec, media.coded_width, media.coded_height) == (codec, int(width), int(height)), name


def check_products(media: Media, folder: Path) -> None:
    """Each product can be used for what it is for."""
    assert (folder / "audio.wav").exists() == bool(media.audio)
    if media.audio:
        assert len(samples_of(folder / "audio.wav")) > 0
    with av.open(str(folder / "poster.jpg")) as poster, av.open(str(folder / "thumbnails.jpg")) as sheet:
        picture, cells = next(poster.decode(video=0)), next(sheet.decode(video=0))
    assert (picture.width > picture.height) == (media.width > media.height)
    assert (cells.width % 10, cells.height % 10) == (0, 0)
    with av.open(str(folder / "proxy.mp4")) as proxy:
        frames = list(proxy.decode(video=0))
        codecs = [stream.codec_context.name for stream in proxy.streams]
    assert codecs[:1] == ["h264"]
    assert codecs[1:] in ([], ["aac"])
    assert (len(codecs) == 2) == bool(media.audio)
    assert {frame.format.name for frame in frames} == {"yuv420p"}
    assert {frame.rotation for frame in frames} == {0}
    assert max(frames[0].width, frames[0].height) <= 1280
    assert frames[0].width / frames[0].height == pytest.approx(media.width / media.height, rel=0.02)
    assert frames[0].time == pytest.approx(0, abs=0.001)
    assert frames[-1].time == pytest.approx(media.duration, abs=max(0.15, 1.2 * media.duration / media.frames))
    assert len(frames) == pytest.approx(media.frames, abs=12 if media.warnings else 0)


def test_variable_rate_rotation_depth_and_interlace_are_seen(nasty: Path, tmp_path: Path) -> None:
    media = {
        name: taken_in(nasty / name, tmp_path)[0]
        for name in ("vfr.mp4", "rotated_90.mp4", "rotated_180.mp4", "interlaced.mp4", "ten_bit_hevc_pq.mp4",
                     "ten_bit_h264.mp4", "anamorphic_sar2.mp4", "fps_29_97.mp4", "fps_120.mp4")
    }  # fmt: skip

    assert {name for name, seen in media.items() if seen.variable_frame_rate} == {"vfr.mp4"}
    assert {name for name, seen in media.items() if seen.interlaced} == {"interlaced.mp4"}
    assert {name: seen.rotation for name, seen in media.items() if seen.rotation} == {
        "rotated_90.mp4": 270,  # its display matrix turns by 90 degrees counter-clockwise
        "rotated_180.mp4": 180,
    }
    assert media["anamorphic_sar2.mp4"].sar == "2:1"
    assert media["fps_29_97.mp4"].frame_rate == "30000/1001"
    assert media["fps_120.mp4"].frame_rate == "120/1"
    assert media["ten_bit_h264.mp4"].color.bit_depth == 10
    assert media["ten_bit_h264.mp4"].color.hdr is None
    assert media["ten_bit_hevc_pq.mp4"].color.hdr == "pq"
    assert media["ten_bit_hevc_pq.mp4"].color.primaries == "bt2020"


def test_times_start_at_zero_wherever_the_container_s_clock_starts(nasty: Path, tmp_path: Path) -> None:
    late, late_folder = taken_in(nasty / "start_at_1h.ts", tmp_path)
    _, plain_folder = taken_in(nasty / "huge_duration_header.mp4", tmp_path)

    shift = lag_s(samples_of(plain_folder / "audio.wav"), samples_of(late_folder / "audio.wav"))

    assert late.start == pytest.approx(3601.4)
    assert late.duration == 8
    assert shift == pytest.approx(0, abs=0.030)  # a transport stream cannot say how much of the coder's delay to skip


def test_sound_that_starts_half_a_second_late_is_heard_half_a_second_late(nasty: Path, tmp_path: Path) -> None:
    _, delayed = taken_in(nasty / "audio_delayed_500ms.mp4", tmp_path)
    _, plain = taken_in(nasty / "huge_duration_header.mp4", tmp_path)

    wav = lag_s(samples_of(plain / "audio.wav"), samples_of(delayed / "audio.wav"))
    proxy = lag_s(sound_of(plain / "proxy.mp4"), sound_of(delayed / "proxy.mp4"))

    assert wav == pytest.approx(0.5, abs=0.004)
    assert proxy == pytest.approx(0.5, abs=0.004)


def test_the_second_track_is_heard_when_it_is_the_default(nasty: Path, tmp_path: Path) -> None:
    media, folder = taken_in(nasty / "two_audio_tracks.mp4", tmp_path)
    _, speech = taken_in(nasty / "surround_51.mp4", tmp_path)

    heard, expected = samples_of(folder / "audio.wav"), samples_of(speech / "audio.wav")

    assert [(track.language, track.default) for track in media.audio] == [("fra", False), ("eng", True)]
    assert likeness(heard, expected) > 0.9


def test_a_damaged_film_keeps_its_length_and_its_sound_stays_in_step(nasty: Path, tmp_path: Path) -> None:
    media, folder = taken_in(nasty / "corrupt_middle.mp4", tmp_path)
    _, plain = taken_in(nasty / "huge_duration_header.mp4", tmp_path)

    heard, expected = samples_of(folder / "audio.wav"), samples_of(plain / "audio.wav")

    assert media.duration == 8
    assert 150 < media.frames < 192
    assert len(heard) == pytest.approx(len(expected), abs=400)
    assert likeness(heard[-32_000:], expected[-32_000:]) > 0.9


def test_a_film_that_was_cut_off_is_taken_in_as_far_as_it_goes(nasty: Path, tmp_path: Path) -> None:
    media, folder = taken_in(nasty / "truncated_faststart.mp4", tmp_path)

    seconds = len(samples_of(folder / "audio.wav")) / 16_000

    assert 3 < media.duration < 4
    assert seconds == pytest.approx(media.duration, abs=0.3)
    assert any("promises 8.0 s" in warning for warning in media.warnings)


def likeness(heard: NDArray[np.int16], expected: NDArray[np.int16]) -> float:
    """Correlation of two recordings that should be of one sound, in step."""
    length = min(len(heard), len(expected))
    return float(np.corrcoef(heard[:length], expected[:length])[0, 1])


def lag_s(first: NDArray[np.int16], second: NDArray[np.int16]) -> float:
    """By how many seconds the second recording comes after the first: the peak of their cross-correlation."""
    size = 1 << (len(first) + len(second)).bit_length()
    spectrum = np.fft.rfft(second.astype(float), size) * np.conj(np.fft.rfft(first.astype(float), size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (peak if peak < size // 2 else peak - size) / 16_000


def sound_of(path: Path) -> NDArray[np.int16]:
    """A file's sound at 16 kHz from time 0 on, by another way than the one under test."""
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(path)) as container:
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    start = pieces[0].pts or 0
    samples = np.concatenate([piece.to_ndarray().reshape(-1) for piece in pieces])
    return np.concatenate([np.zeros(max(0, start), np.int16), samples[max(0, -start) :]])
