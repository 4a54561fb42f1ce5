"""Loudness is that of the standard: a tone of known level, and ffmpeg's own meter on real speech."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from support.speech import RATE, audioeval_clip, decoded, two_cities, write_wav
from transcribe.adapters.loudness import levels_of
from transcribe.adapters.wav import WavReader
from transcribe.domain.sound import sound_of


def ours(audio: Path) -> tuple[float | None, float | None]:
    with WavReader(audio) as wav:
        levels, peak = levels_of(wav)
    sound = sound_of(levels, (), peak=peak)
    return (sound.loudness, sound.peak) if sound else (None, None)


def ffmpegs(audio: Path) -> float:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-i", str(audio)]
    told = subprocess.run([*command, "-af", "ebur128", "-f", "null", "-"], capture_output=True, text=True, check=True)
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told.stderr)[-1])


@pytest.mark.parametrize("decibels", [-6.0, -20.0, -40.0])
def test_a_tone_of_a_thousand_hertz_is_three_units_under_its_level(tmp_path: Path, decibels: float) -> None:
    tone = 10 ** (decibels / 20) * np.sin(2 * np.pi * 997 * np.arange(5 * RATE) / RATE)

    loudness, peak = ours(write_wav(tmp_path / "a.wav", tone))

    assert loudness == pytest.approx(decibels - 3.01, abs=0.1)
    assert peak == pytest.approx(decibels, abs=0.1)


@pytest.mark.parametrize("clip", [two_cities(), audioeval_clip("en", "quick_brown_fox")[0]])
def test_speech_is_as_loud_as_ffmpeg_says(tmp_path: Path, clip: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", decoded(clip))

    assert ours(audio)[0] == pytest.approx(ffmpegs(audio), abs=0.2)


def test_a_file_without_a_sample_or_of_silence_has_no_loudness(tmp_path: Path) -> None:
    assert ours(write_wav(tmp_path / "a.wav", np.zeros(0))) == (None, None)
    assert ours(write_wav(tmp_path / "b.wav", np.zeros(RATE))) == (None, None)
