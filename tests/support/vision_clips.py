"""Small films of known shots and marks, composed frame by frame: drifting textures, cuts, a dissolve, a flash."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["FRAME_RATE", "HEIGHT", "WIDTH", "Logo", "camera", "dissolve", "encode", "flash", "still", "with_logo"]

WIDTH, HEIGHT, FRAME_RATE = 480, 270, 25
Frame = NDArray[np.uint8]


def _texture(seed: int, height: int, width: int) -> NDArray[np.float32]:
    """A picture with large and small shapes, in colours of its own."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((5, 0.6), (14, 0.3), (48, 0.25)):
        coarse = random.uniform(0, 255, (cells, cells * width // height + 1, 3)).astype(np.float32)
        picture += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    tint = random.uniform(0.35, 1.0, 3).astype(np.float32)
    return np.asarray(np.clip(picture * tint, 0, 255), np.float32)


def camera(seed: int, frames: int, *, speed: float = 3.0) -> Iterator[Frame]:
    """A shot in which the camera drifts over something; ``speed`` in pixels a frame."""
    scene = _texture(seed, HEIGHT * 2, WIDTH * 2)
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi)
    for index in range(frames):
        x = WIDTH / 2 + np.cos(angle) * speed * (index - frames / 2)
        y = HEIGHT / 2 + np.sin(angle) * speed * (index - frames / 2) * 0.5
        x, y = (int(np.clip(value, 0, limit)) for value, limit in ((x, WIDTH - 1), (y, HEIGHT - 1)))
        yield np.asarray(scene[y : y + HEIGHT, x : x + WIDTH], np.uint8)


def still(seed: int, frames: int) -> Iterator[Frame]:
    """A shot of a camera on a tripod, with a little noise and something small that moves."""
    scene = _texture(seed, HEIGHT, WIDTH)
    random = np.random.default_rng(seed)
    for index in range(frames):
        frame = np.asarray(np.clip(scene + random.normal(0, 2, scene.shape), 0, 255), np.uint8)
        cv2.circle(frame, (60 + 2 * index % 200, 150), 18, (30, 60, 200), -1)
        yield frame


def dissolve(before: Iterable[Frame], after: Iterable[Frame], *, frames: int) -> Iterator[Frame]:
    """Two shots of which the last and the first ``frames`` lie over each other."""
    first, second = list(before), list(after)
    yield from first[:-frames]
    for index in range(frames):
        share = (index + 1) / (frames + 1)
        a, b = first[len(first) - frames + index], second[index]
        yield np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8)
    yield from second[frames:]


def flash(shot: Iterable[Frame], *, at: int, frames: int = 1) -> Iterator[Frame]:
    """A shot with a few white frames in it."""
    for index, frame in enumerate(shot):
        yield np.full_like(frame, 250) if at <= index < at + frames else frame


@dataclass(frozen=True)
class Logo:
    """A disc with a letter, ``size`` pixels across."""

    size: int = 48
    opacity: float = 0.7

    def on(self, frame: Frame, x: int, y: int) -> Frame:
        """The frame with the logo's upper left corner at ``(x, y)``."""
        mark = np.zeros((self.size, self.size, 3), np.uint8)
        alpha = np.zeros((self.size, self.size), np.uint8)
        middle = self.size // 2
        cv2.circle(alpha, (middle, middle), middle - 1, 255, -1)
        cv2.circle(mark, (middle, middle), middle - 1, (240, 240, 240), -1)
        cv2.circle(mark, (middle, middle), middle - 6, (40, 40, 210), -1)
        cv2.putText(mark, "R", (middle - 11, middle + 11), cv2.FONT_HERSHEY_DUPLEX, 1.0, (255, 255, 255), 2)
        weight = (alpha.astype(np.float32) / 255 * self.opacity)[..., None]
        marked = frame.copy()
        place = marked[y : y + self.size, x : x + self.size]
        place[:] = np.asarray(place * (1 - weight) + mark * weight, np.uint8)
        return marked


def with_logo(
    film: Iterable[Frame],
    logo: Logo,
    place: Callable[[int], tuple[int, int]],
    *,
    start: int = 0,
    end: int | None = None,
) -> Iterator[Frame]:
    """The film with a logo over frames ``start`` up to ``end``, at ``place(frame)``."""
    for index, frame in enumerate(film):
        yield logo.on(frame, *place(index)) if index >= start and (end is None or index < end) else frame


def encode(path: Path, film: Iterable[Frame], *, pixel_shape: Fraction = Fraction(1), crf: int = 20) -> int:
    """Write BGR frames as H.264; returns how many. ``pixel_shape`` is width over height of a pixel as displayed."""
    count = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FRAME_RATE, options={"crf": str(crf), "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for frame in film:
            if not count:
                stream.height, stream.width = frame.shape[:2]
                stream.codec_context.sample_aspect_ratio = pixel_shape
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "bgr24")))
            count += 1
        container.mux(stream.encode())
    return count
