"""The audio is read exactly, or refused with a reason."""

import wave
from pathlib import Path

import numpy as np
import pytest

from transcribe.adapters.failures import UnreadableAudio
from transcribe.adapters.silence import quiet_stretches
from transcribe.adapters.wav import SAMPLE_RATE, WavReader


def a_wav(path: Path, samples: np.ndarray, *, rate: int = SAMPLE_RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_samples_come_back_as_they_were_from_any_place(tmp_path: Path) -> None:
    samples = np.arange(-1000, 1000)
    path = a_wav(tmp_path / "ramp.wav", samples)

    with WavReader(path) as wav:
        middle, end, beyond = wav.read(500, 10), wav.read(1990, 50), wav.read(5000, 10)

        assert wav.duration == 2000 / SAMPLE_RATE

    np.testing.assert_array_equal(middle * 32768, samples[500:510])
    np.testing.assert_array_equal(end * 32768, samples[1990:])
    assert len(beyond) == 0


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2)])
def test_audio_of_another_shape_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    path = a_wav(tmp_path / "odd.wav", np.zeros(100), rate=rate, channels=channels)

    with pytest.raises(UnreadableAudio, match="Submit the video again"):
        WavReader(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no sound at all, nor was it ever one"])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.wav"
    path.write_bytes(content)

    with pytest.raises(UnreadableAudio):
        WavReader(path)


def test_audio_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = a_wav(tmp_path / "cut.wav", np.zeros(1000))
    path.write_bytes(path.read_bytes()[:1000])

    with WavReader(path) as wav, pytest.raises(UnreadableAudio, match="samples early"):
        wav.read(0, 1000)


def test_quiet_is_where_the_sound_pauses() -> None:
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 220 * time) * 0.3
    tone[SAMPLE_RATE : 2 * SAMPLE_RATE] = 0.0001

    stretches = quiet_stretches(tone.astype(np.float32))

    assert len(stretches) == 1
    assert stretches[0] == pytest.approx((1.0, 2.0), abs=0.03)


def test_music_that_never_pauses_has_no_quiet() -> None:
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE

    assert quiet_stretches((np.sin(2 * np.pi * 220 * time) * 0.3).astype(np.float32)) == []


def test_no_samples_have_no_quiet() -> None:
    assert quiet_stretches(np.zeros(0, np.float32)) == []
