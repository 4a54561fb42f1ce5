"""Checks a chunk that some other machine made, as if nothing it said were true. Runs in a child process."""

import hashlib
from collections.abc import Iterator

from av.video.frame import VideoFrame

from upscale.adapters.extracting import frames_between
from upscale.adapters.inspecting import brightness_of, pieces, setup_of
from upscale.adapters.making import verify_chunk
from upscale.domain.refusals import ChunkUnsound
from upscale.ports.runners import Checked, CheckOrder

__all__ = ["check_chunk"]

_BRIGHTNESS = 6.0
"""Code values by which sharpening and encoding may change the mean of a frame's luma (8 bits)."""


def check_chunk(order: CheckOrder) -> Checked:
    """Its bytes, then every frame of it: count, size, format, colours, times, and that it shows what the source shows.

    Raises ChunkUnsound, and UnsupportedVideo for a file that is none.
    """
    digest, size = hashlib.sha256(), 0
    for piece in pieces(order.chunk):
        digest.update(piece)
        size += len(piece)
    if (digest.hexdigest(), size) != (order.sha256, order.size):
        raise ChunkUnsound(f"{size} bytes with sha256 {digest.hexdigest()[:12]}... came, not what was announced")
    (span,) = order.plan.chunks
    verify_chunk(order.chunk, order.plan, span, list(_brightness(order)), within=_BRIGHTNESS)
    return Checked(span.frames, digest.hexdigest(), setup_of(order.chunk))


def _brightness(order: CheckOrder) -> Iterator[float]:
    """Mean luma of the source's frames, where it can be compared: luma in a plane of its own, of the same depth."""
    (span,) = order.plan.chunks
    for frame in frames_between(order.source, order.plan, span.start, span.end):
        if not _comparable(frame, order.plan.color.bits):
            return
        yield brightness_of(frame)


def _comparable(frame: VideoFrame, bits: int) -> bool:
    name = frame.format.name
    return name.startswith("yuv") and frame.format.components[0].bits == bits and not name.endswith("be")
