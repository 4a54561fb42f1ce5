"""Encodes the frames of one chunk. Every chunk of a plan is encoded with the same settings."""

import os
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
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

_X265_DELAY = 2
"""Frames by which decoding runs ahead of showing, with B-frames that others refer to (x265, ``m_bframeDelay``)."""


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
        if codec == "av1":
            _open_modestly(context)
        self._stream = stream
        self._first: int | None = None
        self._early: list[int] = []
        """How long the first frames last, as many as H.265 looks ahead."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            packets = self._stream.encode(None)
            if self._plan.encoding.codec == "h265" and len(self._early) <= _X265_DELAY:
                self._time_decoding(packets)
            self._container.mux(packets)
        self._container.close()

    def _time_decoding(self, packets: "list[Packet[VideoStream]]") -> None:
        """Of fewer frames than it delays, x265 tells when to decode them from memory that was never written."""
        delay = sum(self._early) * _X265_DELAY // max(1, len(self._early))
        for packet in packets:
            if packet.pts is not None:
                packet.dts = packet.pts - delay

    def add(self, planes: Planes, ticks: int, duration: int) -> None:
        """Append a frame that is shown at ``ticks`` of the source's time base, for ``duration`` of them."""
        frame = VideoFrame(*self._plan.size, self._plan.pixel_format)
        for target, samples in zip(frame.planes, planes, strict=True):
            _fill(target, samples)
        if self._first is None:
            self._first = ticks
        if len(self._early) <= _X265_DELAY:
            self._early.append(duration)
        frame.pts = ticks - self._first
        frame.duration = duration
        frame.time_base = self._plan.time_base
        frame.color_range = 2 if self._plan.color.full_range else 1
        frame.colorspace = self._plan.color.matrix
        frame.color_primaries = self._plan.color.primaries
        frame.color_trc = self._plan.color.transfer
        self._container.mux(self._stream.encode(frame))


def _open_modestly(context: VideoCodecContext) -> None:
    """Open SVT-AV1, and take back the real-time class it gives its threads and its caller where it may (as root).

    Whoever has that class goes before everything else on the machine, and children inherit it: two chunks at once
    starve servers and heartbeats.
    """
    if sys.platform != "linux":
        context.open(strict=False)
        return
    before = os.sched_getscheduler(0)
    context.open(strict=False)
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):
            if os.sched_getscheduler(int(thread)) != before:
                os.sched_setscheduler(int(thread), before, os.sched_param(0))


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
