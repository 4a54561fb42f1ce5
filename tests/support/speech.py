"""Real speech for tests, found in installed packages, and the WAV that ingest would make of it."""

import wave
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TWO_CITIES", "audioeval_clip", "decoded", "two_cities", "write_wav"]

RATE = 16_000
TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to Heaven, we were all going direct the other way"
)
"""How two_cities.wav begins; the reading goes on for some seconds."""


def two_cities() -> Path:
    """44 s of Dickens, read aloud (moonshine-voice)."""
    return Path(str(distribution("moonshine-voice").locate_file("moonshine_voice/assets/two_cities.wav")))


def audioeval_clip(language: str, name: str) -> tuple[Path, str]:
    """A synthetic clip of a few words and its text (pytest-audioeval)."""
    folder = Path(str(distribution("pytest-audioeval").locate_file("pytest_audioeval/samples/audio"))) / language
    return folder / f"{name}.wav", (folder / f"{name}.txt").read_text().strip()


def decoded(path: Path) -> NDArray[np.float32]:
    """The sound of any media file, 16 kHz mono, -1 to 1."""
    import av

    pieces: list[Any] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            pieces += [each.to_ndarray()[0] for each in resampler.resample(frame)]
        pieces += [each.to_ndarray()[0] for each in resampler.resample(None)]
    samples: NDArray[np.float32] = np.concatenate(pieces).astype(np.float32) / np.float32(32768)
    return samples


def write_wav(path: Path, samples: NDArray[np.floating[Any]]) -> Path:
    """Write samples the way ingest writes ``audio.wav``."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path
