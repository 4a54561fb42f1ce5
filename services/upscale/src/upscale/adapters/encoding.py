"""Encodes the frames of one chunk. Every chunk of a plan is encoded with the same settings."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from upscale.domain.plan import Plan
from upscale.domain.planes import Planes

__all__ = ["ChunkEncoder"]

_CODECS: dict[str, Literal["libx264", "libx265"]] = {"h264": "libx264", "h265": "libx265"}


class ChunkEncoder:
    """Writes one chunk: closed groups of pictures, a key frame first, the source's own times.

    ``with ChunkEncoder(path, plan) as encoder: encoder.add(planes, ticks, duration)`` for every frame in order.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self._plan = plan
        self._container = av.open(f"file:{path}", "w", format="mp4")
        stream = self._container.add_stream(_CODECS[plan.encoding.codec], rate=_rate(plan.frame_rate))
        stream.width, stream.height = plan.size
        stream.pix_fmt = plan.pixel_format
        context = stream.codec_context
        context.time_base = plan.time_base
        context.color_range = 2 if plan.color.full_range else 1
        context.color_primaries = plan.color.primaries
        context.color_trc = plan.color.transfer
        context.colorspace = plan.color.matrix
        context.options = _options(plan)
        self._stream = stream
        self._first: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def add(self, planes: Planes, ticks: int, duration: int) -> None:
        """Append a frame that is shown at ``ticks`` of the source's time base, for ``duration`` of them."""
        frame = VideoFrame(*self._plan.size, self._plan.pixel_format)
        for target, samples in zip(frame.planes, planes, strict=True):
            _fill(target, samples)
        if self._first is None:
            self._first = ticks
        frame.pts = ticks - self._first
        frame.duration = duration
        frame.time_base = self._plan.time_base
        frame.color_range = 2 if self._plan.color.full_range else 1
        frame.colorspace = self._plan.color.matrix
        frame.color_primaries = self._plan.color.primaries
        frame.color_trc = self._plan.color.transfer
        self._container.mux(self._stream.encode(frame))


def _options(plan: Plan) -> dict[str, str]:
    encoding = plan.encoding
    options = {
        "crf": str(encoding.crf),
        "preset": encoding.preset,
        "g": str(encoding.keyframe_frames),
        "flags": "+cgop",
        "aspect": f"{plan.sample_aspect.numerator}/{plan.sample_aspect.denominator}",
        "chroma_sample_location": plan.color.siting,
    }
    if encoding.codec == "h265":
        return {**options, "x265-params": "open-gop=0:info=0:log-level=error", "tag": "hvc1"}
    return {**options, "x264-params": "open-gop=0"}


def _rate(rate: Fraction) -> Fraction:
    """Encoders take rates of a limited precision; the rate is only a hint to them, times come from the frames."""
    return rate.limit_denominator(1001) if rate > 0 else Fraction(25)


def _fill(plane: Any, samples: NDArray[Any]) -> None:
    target = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    rows = np.ascontiguousarray(samples).view(np.uint8).reshape(plane.height, -1)
    target[:, : rows.shape[1]] = rows
