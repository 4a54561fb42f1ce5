"""A detail of one frame before and after, as pictures that lie inside a page."""

import base64
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from upscale.adapters.extracting import wanted_frames
from upscale.adapters.plain import enlarged
from upscale.adapters.reading import picture_of
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.planes import oriented

__all__ = ["Pair", "pair_of", "shown_frame"]

_SHARE = 4
"""How many times the detail fits into either side of the picture."""


@dataclass(frozen=True)
class Pair:
    """The same detail of a frame, as JPEG in data URIs."""

    frame: int
    before: str
    after: str


def shown_frame(plan: Plan) -> int:
    """The number, in the original, of the frame in the middle of what was sharpened."""
    spans = plan.selection or (ChunkSpan(start=plan.first, end=plan.end),)
    numbers = [number for span in spans for number in range(span.start, span.end)]
    return numbers[len(numbers) // 2]


def pair_of(source: Path, plan: Plan, number: int, after: VideoFrame) -> Pair:
    """Where that frame shows most, in the original and in the result."""
    (frame,) = wanted_frames(source, plan, ChunkSpan(start=number, end=number + 1))
    plain = _bytes(oriented(enlarged(picture_of(frame, plan.color), plan.scale), plan.orientation))
    sharp = _bytes(picture_of(after, plan.color))
    top, left, height, width = _richest(sharp)
    detail = (slice(None), slice(top, top + height), slice(left, left + width))
    return Pair(number, _jpeg(plain[detail]), _jpeg(sharp[detail]))


def _bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture
    return np.rint(picture * np.float32(255)).astype(np.uint8)


def _richest(picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Top, left, height and width of the part whose luma changes most from pixel to pixel; both sides are even."""
    _, high, wide = picture.shape
    height, width = max(2, high // _SHARE // 2 * 2), max(2, wide // _SHARE // 2 * 2)
    luma = picture.mean(axis=0)
    best, place = -1.0, (0, 0)
    for top in range(0, high - height + 1, max(2, height // 2)):
        for left in range(0, wide - width + 1, max(2, width // 2)):
            part = luma[top : top + height, left : left + width]
            change = float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean())
            if change > best:
                best, place = change, (top, left)
    return *place, height, width


def _jpeg(picture: NDArray[np.uint8]) -> str:
    rgb = VideoFrame.from_ndarray(np.ascontiguousarray(picture.transpose(1, 2, 0)), format="rgb24")
    context = VideoCodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = rgb.width, rgb.height, "yuvj444p"
    context.time_base = Fraction(1)
    context.options = {"qmin": "2", "qmax": "4"}
    context.color_range = 2
    frame = rgb.reformat(format="yuvj444p")
    frame.pts, frame.time_base = 0, Fraction(1)
    packets = [*context.encode(frame), *context.encode(None)]
    return "data:image/jpeg;base64," + base64.b64encode(b"".join(bytes(packet) for packet in packets)).decode()
