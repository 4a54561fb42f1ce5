"""A film, decoded once and handed over frame by frame, upright and small. Runs in the child process."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vision.domain.boxes import turned
from vision.domain.failures import UnreadableVideo

__all__ = ["Film", "Picture"]

_SMALL = (48, 27)
_MOST_READ_ERRORS = 100
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,gif,ogg,mxf"
"""Containers; nothing that names other files."""


@dataclass(frozen=True)
class Picture:
    """One decoded frame. Everything else is made of it on demand."""

    number: int
    time: float
    """Seconds from the first frame."""
    small: NDArray[np.uint8]
    """``[27, 48, 3]`` RGB: what the scene detectors look at."""
    frame: VideoFrame


class Film:
    """An open video file. ``longest`` bounds the reduced pictures: pixels of their longer side."""

    def __init__(self, path: Path, *, longest: int) -> None:
        self._container = _opened(path)
        self._stream = _moving_picture(self._container)
        self._stream.codec_context.thread_type = "AUTO"
        self._longest = longest
        # A reformatter keeps its scaler only while sizes and formats stay the same: one for each kind of picture.
        self._to_small, self._to_still = VideoReformatter(), VideoReformatter()
        self.expected_frames = self._stream.frames
        """By the header; 0 when it does not say."""

    def pictures(self) -> Iterator[Picture]:
        """All frames in the order they are shown. Damaged packets are skipped, as ingest did when it counted."""
        origin: float | None = None
        last, number = 0.0, 0
        for packet in self._packets():
            for frame in _decoded(packet):
                at = frame.time if frame.time is not None else (last if origin is None else last + origin + 0.04)
                origin = at if origin is None else origin
                last = max(last, at - origin)
                yield Picture(number, last, self._small(frame), frame)
                number += 1
        if not number:
            raise UnreadableVideo("not one frame of the video could be decoded; upload it again")

    def still(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The reduced picture, upright and with square pixels: ``[height, width, 3]`` BGR."""
        width, height = self._reduced(frame)
        reduced = self._to_still.reformat(frame, width, height, "bgr24", interpolation=Interpolation.AREA)
        return np.ascontiguousarray(np.rot90(reduced.to_ndarray(), _quarter_turns(frame)))

    def displayed(self, frame: VideoFrame) -> tuple[int, int]:
        """Width and height as a player shows the frame."""
        return turned(*_square(frame, self._stream), 90 * _quarter_turns(frame))

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _small(self, frame: VideoFrame) -> NDArray[np.uint8]:
        turns = _quarter_turns(frame)
        width, height = turned(*_SMALL, 90 * turns)
        reduced = self._to_small.reformat(frame, width, height, "rgb24", interpolation=Interpolation.BICUBIC)
        return np.ascontiguousarray(np.rot90(reduced.to_ndarray(), turns))

    def _reduced(self, frame: VideoFrame) -> tuple[int, int]:
        width, height = _square(frame, self._stream)
        scale = min(1.0, self._longest / max(width, height))
        return max(16, round(width * scale / 2) * 2), max(16, round(height * scale / 2) * 2)

    def _packets(self) -> Iterator["Packet[Any]"]:
        errors = 0
        while errors < _MOST_READ_ERRORS:
            try:
                yield from self._container.demux(self._stream)
            except MemoryError:
                raise
            except av.FFmpegError:
                errors += 1
            else:
                return


def _opened(path: Path) -> InputContainer:
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS, "enable_drefs": "0"}
    try:
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise UnreadableVideo(f"the video cannot be opened ({error.strerror}); upload it again") from error


def _moving_picture(container: InputContainer) -> VideoStream:
    never = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & never]
    if not streams:
        raise UnreadableVideo("the file holds no moving picture; upload the video file")
    return min(streams, key=lambda s: (not s.disposition & Disposition.default, s.index))


def _decoded(packet: "Packet[Any]") -> list[VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except MemoryError:
        raise
    except av.FFmpegError:
        return []


def _quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns counter-clockwise that show the frame upright, as FFmpeg's display matrix tells them."""
    return round(frame.rotation / 90) % 4


def _square(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Size before turning, with pixels made square by their width; shapes off by under a hundredth stay."""
    sar = stream.sample_aspect_ratio or Fraction(1)
    if sar <= 0 or abs(sar - 1) < Fraction(1, 100):
        return frame.width, frame.height
    return max(1, round(frame.width * sar)), frame.height
