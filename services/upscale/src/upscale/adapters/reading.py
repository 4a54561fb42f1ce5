"""Opens videos and takes their frames apart. The one place that knows how PyAV says things."""

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from upscale.domain.color import RGB, Color, Siting, Tags
from upscale.domain.geometry import Orientation, orientation_of
from upscale.domain.planes import Planes, beyond, to_rgb
from upscale.domain.refusals import UnsupportedColor, UnsupportedVideo

__all__ = [
    "beyond_in",
    "check_of",
    "decoded",
    "opened",
    "orientation_in",
    "picture_of",
    "planes_of",
    "siting_in",
    "sketch_of",
    "tags_in",
    "video_of",
]

_PLANAR = re.compile(r"(yuv|yuva|yuvj|gray)(4[0-4][0-4])?p?(9|10|12|14|16)?(le|be)?")
_SITINGS = "|".join(get_args(Siting))
_Array = NDArray[Any]


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A media file, and never anything that the file names: no other file and no address is opened on its behalf.

    Raises UnsupportedVideo.
    """
    try:
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"})
    except (av.error.InvalidDataError, av.error.PermissionError) as error:
        raise UnsupportedVideo(f"this file cannot be read as video: {error.strerror}") from error
    with container:
        yield container


def video_of(container: InputContainer) -> VideoStream:
    """The stream that is the film: the first that is no cover picture. Decodes on all cores."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            stream.codec_context.thread_type = av.codec.context.ThreadType.AUTO
            return stream
    raise UnsupportedVideo("there is no video in this file, only sound or a cover picture")


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, in the order shown; a packet that is broken is stepped over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            continue
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def check_of(frame: VideoFrame) -> int:
    """CRC-32 of the first plane: enough to tell whether two decoders gave the same frame."""
    return zlib.crc32(_first_plane(frame).tobytes())


def sketch_of(frame: VideoFrame) -> _Array:
    """Luma of about 80x45 pixels picked from a frame, in code values of 8 bits, as float32."""
    luma = _first_plane(frame)
    picked = luma[:: max(1, luma.shape[0] // 45), :: max(1, luma.shape[1] // 80)].astype(np.float32)
    return picked / (1 << max(0, frame.format.components[0].bits - 8))


def tags_in(frame: VideoFrame, siting: Siting | None) -> Tags:
    """What the decoder says about the colours of a frame."""
    name = frame.format.name
    return Tags(
        full_range=True if name.startswith("yuvj") else {1: False, 2: True}.get(int(frame.color_range)),
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        matrix=int(frame.colorspace),
        siting=siting or ("center" if name.startswith("yuvj") else None),
        bits=max(component.bits for component in frame.format.components),
        is_rgb=frame.format.is_rgb or name == "pal8" or int(frame.colorspace) == RGB,
    )


def orientation_in(frame: VideoFrame) -> Orientation:
    """How the frame is meant to be turned. Raises UnsupportedVideo."""
    pieces: Iterable[Any] = frame.side_data
    for piece in pieces:
        if piece.type == SideDataType.DISPLAYMATRIX:
            return orientation_of(np.frombuffer(bytes(piece), "=i4").tolist())
    return Orientation()


def siting_in(container: InputContainer, stream: VideoStream) -> Siting | None:
    """Where chroma lies, read from FFmpeg's description of the stream, since PyAV does not tell."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text: str = container.dumps_format()  # type: ignore[attr-defined] # missing from the stubs
    finally:
        av.logging.set_level(level)
    found = re.search(rf"Stream #0:{stream.index}\b.*?: Video: [^\n]*?\([^()\n]*\b({_SITINGS})\)", text)
    return found[1] if found else None  # type: ignore[return-value] # the expression names the members of Siting


def picture_of(frame: VideoFrame, color: Color) -> _Array:
    """R'G'B' of a frame, ``(3, height, width)``. Raises UnsupportedColor for a pixel format we cannot read exactly."""
    if tags_in(frame, None).is_rgb:
        return _rgb(frame, color)
    if not _PLANAR.fullmatch(frame.format.name) or frame.format.name.endswith("be"):
        frame = frame.reformat(format=_exact_equal(frame))
    return to_rgb(planes_of(frame), color)


def beyond_in(frame: VideoFrame, color: Color) -> _Array | None:
    """What of a frame is darker than black or brighter than white, where it has luma of its own; see ``beyond``."""
    if tags_in(frame, None).is_rgb or not _PLANAR.fullmatch(frame.format.name) or frame.format.name.endswith("be"):
        return None
    return beyond(_first_plane(frame), color)


def _exact_equal(frame: VideoFrame) -> str:
    """The planar format that holds the same samples."""
    deep = max(component.bits for component in frame.format.components) > 8
    wide, high = frame.format.chroma_width(16), frame.format.chroma_height(16)
    layout = {(8, 8): "420", (8, 16): "422", (16, 16): "444"}.get((wide, high))
    if layout is None:
        raise UnsupportedColor(f"pixel format {frame.format.name} is not understood; convert it to yuv420p first")
    return f"yuv{layout}p10le" if deep else f"yuv{layout}p"


def _rgb(frame: VideoFrame, color: Color) -> _Array:
    """RGB sources: swscale only reorders bytes here, it converts nothing. Planar GBR counts as RGB to it."""
    if color.bits > 8:
        raise UnsupportedColor("this is RGB video with more than 8 bits; convert it to yuv444p10 first")
    return np.ascontiguousarray(frame.to_ndarray(format="rgb24").transpose(2, 0, 1))


def planes_of(frame: VideoFrame) -> Planes:
    """Y', Cb and Cr of a planar frame; those of a grey one are neutral."""
    luma = _first_plane(frame)
    if frame.format.name.startswith("gray"):
        depth = frame.format.components[0].bits
        neutral = np.full((1, 1), 1 << (depth - 1), luma.dtype)
        grey = np.broadcast_to(neutral, luma.shape)
        return luma, grey, grey
    return luma, _plane(frame, 1), _plane(frame, 2)


def _first_plane(frame: VideoFrame) -> _Array:
    return _plane(frame, 0)


def _plane(frame: VideoFrame, place: int) -> _Array:
    """Samples of one plane without the padding at the ends of its lines."""
    plane = frame.planes[place]
    samples: _Array = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    if not frame.format.is_planar and len(frame.format.components) > 1:
        return samples[:, : plane.width * frame.format.padded_bits_per_pixel // 8]
    if frame.format.components[0].bits > 8:
        samples = samples.view("<u2")
    return samples[:, : plane.width]
