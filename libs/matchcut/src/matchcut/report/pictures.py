"""Pictures for the report: frames of films, crops, and JPEG data URIs."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.documents import Media, QualityReport

__all__ = ["Comparison", "as_data_uri", "compare", "frame_at", "thumbnail"]

_ENLARGED = 560
"""Width in pixels of either side of a comparison."""


@dataclass(frozen=True)
class Comparison:
    """The same detail at the same moment, before and after."""

    time: float
    before: str
    after: str
    zoom: float


def as_data_uri(picture: Image.Image, *, quality: int = 82) -> str:
    """A JPEG that lies inside the page."""
    packed = io.BytesIO()
    picture.convert("RGB").save(packed, "JPEG", quality=quality, optimize=True, progressive=True)
    return "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode()


def thumbnail(path: Path, *, width: int) -> str | None:
    """A picture file as a data URI of this width; None when it is absent or broken."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (width * 2, width * 2))
            return as_data_uri(_scaled(picture, width), quality=78)
    except OSError:
        return None


def frame_at(film: Path, seconds: float, media: Media | None) -> Image.Image | None:
    """The frame shown at ``seconds`` from the first one, as displayed; None when the film cannot be read there."""
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            first = float((stream.start_time or 0) * (stream.time_base or 0))
            container.seek(int((seconds + first) * av.time_base), backward=True)
            found: av.VideoFrame | None = None
            for frame in container.decode(stream):
                if found is not None and (frame.time or 0) > seconds + first + 1e-4:
                    break
                found = frame
            return _displayed(found, media) if found is not None else None
    except (OSError, av.FFmpegError, IndexError):
        return None


def compare(film: Path, rendition: Path, quality: QualityReport, media: Media | None, rate: float) -> list[Comparison]:
    """Details of an upscaled film beside the original's: where most is to be seen, early and late in what is sharp."""
    numbers = _sharpened(quality)
    found: list[Comparison] = []
    for share in (0.5, 0.15):
        number = numbers[int(len(numbers) * share)] - quality.start_frame
        seconds = (quality.start_frame + number) / rate
        before = frame_at(film, seconds + 0.25 / rate, media)
        after = frame_at(rendition, (number + 0.25) / rate, None)
        if before is None or after is None:
            continue
        left, top, right, bottom = _richest(before, avoid=len(found))
        scale = after.width / before.width
        plain = before.crop((left, top, right, bottom))
        sharp = after.crop((round(left * scale), round(top * scale), round(right * scale), round(bottom * scale)))
        size = (_ENLARGED, round(_ENLARGED * plain.height / plain.width))
        found.append(
            Comparison(
                time=seconds,
                before=as_data_uri(plain.resize(size, Image.Resampling.BICUBIC), quality=90),
                after=as_data_uri(sharp.resize(size, Image.Resampling.BICUBIC), quality=90),
                zoom=_ENLARGED / plain.width,
            )
        )
    return found


def _sharpened(quality: QualityReport) -> Sequence[int]:
    """Numbers of the frames that were sharpened; there is one at least."""
    last = quality.end_frame or quality.start_frame + quality.frames_out
    spans = quality.selection or ((quality.start_frame, max(last, quality.start_frame + 1)),)
    return [number for start, end in spans for number in range(start, end)]


def _richest(picture: Image.Image, *, avoid: int) -> tuple[int, int, int, int]:
    """The window with the strongest edges, away from the border; ``avoid`` takes the next best ones that lie apart."""
    grey = np.asarray(picture.convert("L"), np.float32)
    edges = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1, :]
    width, height = max(16, picture.width // 4), max(9, picture.height // 4)
    sums = _window_sums(edges, height, width)
    margin_y, margin_x = sums.shape[0] // 12, sums.shape[1] // 12
    for _ in range(avoid + 1):
        inner = sums[margin_y : sums.shape[0] - margin_y or None, margin_x : sums.shape[1] - margin_x or None]
        row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
        top, left = int(row) + margin_y, int(column) + margin_x
        sums[max(0, top - height) : top + height, max(0, left - width) : left + width] = -1
    return left, top, left + width, top + height


def _window_sums(values: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float64]:
    """Sum of every height x width window, by an integral image."""
    table: npt.NDArray[np.float64] = np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]


def _displayed(frame: av.VideoFrame, media: Media | None) -> Image.Image:
    """Turned and stretched as a player shows it."""
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if media and media.rotation:
        picture = picture.rotate(-media.rotation, expand=True)
    if media and picture.size != (media.width, media.height):
        picture = picture.resize((media.width, media.height), Image.Resampling.BICUBIC)
    return picture


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    return picture.convert("RGB").resize((width, max(1, round(picture.height * width / picture.width))))
