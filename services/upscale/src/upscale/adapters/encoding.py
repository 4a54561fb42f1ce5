"""Encodes the frames of one chunk. Every chunk of a plan is encoded with the same settings."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from upscale.domain.encoding import PRESETS, Encoding
from upscale.domain.plan import Plan
from upscale.domain.planes import Planes

__all__ = ["ChunkEncoder"]

_Encoder = Literal["libx264", "libx265", "libsvtav1", "ffv1"]
_CODECS: dict[str, _Encoder] = {"h264": "libx264", "h265": "libx265", "av1": "libsvtav1", "ffv1": "ffv1"}
_FILES: dict[str, str] = {"h264": "mp4", "h265": "mp4", "av1": "mp4", "ffv1": "matroska"}
"""What a chunk lies in until it is joined: MP4 keeps the source's ticks, but has no place for FFV1."""
_SVT_PRESETS = dict(zip(PRESETS, (12, 11, 10, 9, 8, 7, 6, 5, 4), strict=True))


class ChunkEncoder:
    """Writes one chunk: closed groups of pictures, a key frame first, the source's own times.

    ``with ChunkEncoder(path, plan) as encoder: encoder.add(planes, ticks, duration)`` for every frame in order.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self._plan = plan
        codec = plan.encoding.codec
        self._container = av.open(f"file:{path}", "w", format=_FILES[codec])
        stream = self._container.add_stream(_CODECS[codec], rate=_rate(plan.frame_rate))
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
    return {
        "g": str(encoding.keyframe_frames),
        "flags": "+cgop",
        "aspect": f"{plan.sample_aspect.numerator}/{plan.sample_aspect.denominator}",
        "chroma_sample_location": plan.color.siting,
        **_options_of(encoding),
    }


def _options_of(encoding: Encoding) -> dict[str, str]:
    """What each encoder calls quality and effort, and how it is told to close its groups of pictures."""
    match encoding.codec:
        case "h264":
            return {"crf": str(encoding.crf), "preset": encoding.preset, "x264-params": "open-gop=0"}
        case "h265":
            params = "open-gop=0:info=0:log-level=error"
            return {"crf": str(encoding.crf), "preset": encoding.preset, "x265-params": params, "tag": "hvc1"}
        case "av1":
            preset = _SVT_PRESETS.get(encoding.preset, encoding.preset)
            return {"crf": str(encoding.crf), "preset": str(preset)}
        case "ffv1":
            return {"level": "3", "g": "1", "slicecrc": "1"}


def _rate(rate: Fraction) -> Fraction:
    """Encoders take rates of a limited precision; the rate is only a hint to them, times come from the frames."""
    return rate.limit_denominator(1001) if rate > 0 else Fraction(25)


def _fill(plane: Any, samples: NDArray[Any]) -> None:
    target = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    rows = np.ascontiguousarray(samples).view(np.uint8).reshape(plane.height, -1)
    target[:, : rows.shape[1]] = rows
