"""Makes whole pictures of interlaced ones: one frame for each, by FFmpeg's bwdif."""

from collections.abc import Iterable, Iterator
from typing import Literal

import av
from av.filter import Graph
from av.video.frame import VideoFrame

__all__ = ["CONTEXT", "deinterlaced"]

CONTEXT = 1
"""Frames on either side that bwdif looks at to make one."""
_WHICH = {"marked": "interlaced", "all": "all"}


def deinterlaced(frames: Iterable[VideoFrame], which: Literal["marked", "all"]) -> Iterator[VideoFrame]:
    """As many frames as came, in the same order. Each says itself which of its fields is the earlier."""
    graph: Graph | None = None
    for frame in frames:
        if graph is None:
            graph = _graph(frame, which)
        graph.vpush(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _ready(graph)


def _graph(frame: VideoFrame, which: Literal["marked", "all"]) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base, name="in"
    )
    filter_ = graph.add("bwdif", f"mode=send_frame:parity=auto:deint={_WHICH[which]}")
    source.link_to(filter_)
    filter_.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
