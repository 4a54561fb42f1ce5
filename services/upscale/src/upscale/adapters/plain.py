"""Frames that are not sharpened, only made as large as those that are: by Lanczos, and in the same colours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from upscale.adapters.extracting import wanted_frames
from upscale.adapters.reading import beyond_in, picture_of, planes_of
from upscale.domain.color import Siting
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.planes import Planes, film_planes

__all__ = ["PLAIN_ENGINE", "enlarged", "plain_planes"]

PLAIN_ENGINE = "lanczos"
_PLACES: dict[Siting, tuple[int, int]] = {
    "left": (0, 128),
    "center": (128, 128),
    "topleft": (0, 0),
    "top": (128, 0),
    "bottomleft": (0, 256),
    "bottom": (128, 256),
}
"""Where chroma lies between luma samples, across and down, in 256ths of a luma sample."""


def plain_planes(path: Path, plan: Plan, span: ChunkSpan) -> Iterator[Planes]:
    """Y', Cb and Cr of each frame of a chunk, as large as the result."""
    quick: _Planar | None = None
    for frame in wanted_frames(path, plan, span):
        if not _is_planar(frame, plan):
            yield _by_rgb(frame, plan)
            continue
        quick = quick or _Planar(frame, plan)
        yield quick.scaled(frame)


def _is_planar(frame: VideoFrame, plan: Plan) -> bool:
    """Whether the result's samples are the source's, but for their number: then nothing has to be converted."""
    kinds = ("yuv420p", "yuvj420p") if plan.color.bits == 8 else ("yuv420p10le",)
    even = frame.width % 2 == 0 and frame.height % 2 == 0
    return frame.format.name in kinds and even and plan.orientation.is_identity


class _Planar:
    """4:2:0 to 4:2:0, each plane for itself and chroma where its siting says."""

    def __init__(self, frame: VideoFrame, plan: Plan) -> None:
        across, down = _PLACES[plan.color.siting]
        places = ":".join(
            f"{way}_{side}_chr_pos={place}" for way in ("in", "out") for side, place in (("h", across), ("v", down))
        )
        self._format = plan.pixel_format
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=av.VideoFormat(self._format), time_base=plan.time_base
        )
        scale = self._graph.add("scale", f"{plan.size[0]}:{plan.size[1]}:flags=lanczos+accurate_rnd:{places}")
        source.link_to(scale)
        scale.link_to(self._graph.add("buffersink"))
        self._graph.configure()
        self._time_base = plan.time_base
        self._number = 0

    def scaled(self, frame: VideoFrame) -> Planes:
        """Says nothing of range and matrix to the filter, so that it converts neither."""
        bare = VideoFrame(frame.width, frame.height, self._format)
        for target, samples in zip(bare.planes, planes_of(frame), strict=True):
            rows = np.ascontiguousarray(samples).view(np.uint8).reshape(target.height, -1)
            place = np.frombuffer(memoryview(target), np.uint8).reshape(target.height, target.line_size)
            place[:, : rows.shape[1]] = rows
        bare.pts, bare.time_base = self._number, self._time_base
        self._number += 1
        self._graph.vpush(bare)
        luma, blue, red = (plane.copy() for plane in planes_of(self._graph.vpull()))
        return luma, blue, red


def _by_rgb(frame: VideoFrame, plan: Plan) -> Planes:
    """Whatever else there is: the way the sharpened frames go, with Lanczos in the network's place."""
    large = enlarged(picture_of(frame, plan.color), plan.scale)
    outside = beyond_in(frame, plan.color)
    return film_planes(large, outside, scale=plan.scale, orientation=plan.orientation, color=plan.color)


def enlarged(picture: NDArray[Any], scale: int) -> NDArray[Any]:
    """R'G'B' made larger by Lanczos, each colour for itself."""
    return np.stack([_plane(plane, scale) for plane in picture])


def _plane(plane: NDArray[Any], scale: int) -> NDArray[Any]:
    """One plane; 8 bits stay 8, floats from 0 to 1 go by way of 16 bits."""
    deep = plane.dtype != np.uint8
    samples = np.rint(plane * np.float32(65535)).astype(np.uint16) if deep else plane
    kind = "gray16le" if deep else "gray"
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(samples), format=kind)
    height, width = plane.shape
    large = frame.reformat(
        width * scale,
        height * scale,
        kind,
        interpolation="LANCZOS",
        src_color_range="JPEG",
        dst_color_range="JPEG",
    ).to_ndarray()
    return large.astype(np.float32) / np.float32(65535) if deep else large
