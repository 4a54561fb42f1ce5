"""Small clips for the ingest tests, made on the spot: pictures that say which frame they are, sound that says when."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

__all__ = ["BLIP_S", "click_at", "make_clip"]

BLIP_S = 0.05
_RATE = 48_000


def make_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 180),
    rate: Fraction = Fraction(25),
    codec: str = "libx264",
    click_s: float | None = 1.0,
    key_every: int = 25,
    pts: Iterable[int] | None = None,
    seed: int = 0,
    timecode: str | None = None,
) -> Path:
    """Write a clip of moving noise with, at ``click_s``, a short tone; silent film when ``click_s`` is None.

    ``pts`` (ticks of 1/``rate``) places the frames; by default they are even. ``seed`` makes different clips.
    ``timecode`` is that of the first frame, in a track of its own.
    """
    times = list(pts) if pts is not None else list(range(round(seconds * rate)))
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        picture = cast(VideoStream, container.add_stream(codec, rate=rate))
        picture.width, picture.height = size
        picture.pix_fmt = "yuv420p"
        picture.gop_size = key_every
        if timecode:
            picture.metadata["timecode"] = timecode
        picture.options = {"preset": "ultrafast"} if codec == "libx264" else {}
        sound = container.add_stream("aac", rate=_RATE) if click_s is not None else None
        if sound is not None:
            sound.layout = "mono"
        for index, ticks in enumerate(times):
            frame = VideoFrame.from_ndarray(np.roll(noise, 4 * index, axis=1), format="rgb24")
            frame.pts, frame.time_base = ticks, 1 / rate
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if sound is not None and click_s is not None:
            for chunk in _tone(seconds, click_s):
                container.mux(sound.encode(chunk))
            container.mux(sound.encode(None))
    return path


def click_at(samples: NDArray[np.int16], rate: int) -> float:
    """Seconds at which the tone of ``make_clip`` begins in mono ``samples``."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 4000)
    return float(loud[0]) / rate


def _tone(seconds: float, click_s: float) -> Iterable[AudioFrame]:
    time = np.arange(round(seconds * _RATE)) / _RATE
    wave = np.where((time >= click_s) & (time < click_s + BLIP_S), np.sin(2 * np.pi * 1000 * time) * 20_000, 0)
    for start in range(0, len(wave), 1024):
        frame = AudioFrame.from_ndarray(wave[None, start : start + 1024].astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, start, Fraction(1, _RATE)
        yield frame
