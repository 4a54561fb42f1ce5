"""Makes one chunk: decode, enhance and encode at the same time, then prove that what was written is what was meant.

Runs in a child process. Three threads with short queues between them: the engine is the bottleneck and never waits
for a decoder or an encoder; no more than a few frames are in memory at once.
"""

import hashlib
import platform
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from chassis import child
from upscale.adapters.ahead import Ahead
from upscale.adapters.encoding import ChunkEncoder
from upscale.adapters.extracting import wanted_frames
from upscale.adapters.inspecting import brightness_of, pieces, seen_in, setup_of
from upscale.adapters.kept_engine import kept_enhancer
from upscale.adapters.plain import PLAIN_ENGINE, plain_planes
from upscale.adapters.reading import beyond_in, picture_of
from upscale.adapters.reusing import ReusingEnhancer
from upscale.adapters.tiling import TiledEnhancer
from upscale.domain.plan import ChunkSpan, Plan
from upscale.domain.planes import Planes, film_planes
from upscale.domain.quality import same_times, tags_of
from upscale.domain.refusals import ChunkUnsound
from upscale.ports import ChunkMade, ChunkOrder, Enhancer

__all__ = ["ChunkUnsound", "make_chunk", "make_chunk_with", "make_plain_chunk", "verify_chunk"]

_BRIGHTNESS = 2.5
"""Code values by which encoding may change the mean of a frame's luma (8 bits)."""


def make_chunk(order: ChunkOrder) -> ChunkMade:
    """Make and verify a chunk on this machine's engine."""
    plan, workshop = order.plan, order.workshop
    if plan.is_plain(plan.chunks[order.index]):
        return make_plain_chunk(order)
    return make_chunk_with(kept_enhancer(plan, workshop), order)


def make_chunk_with(enhancer: Enhancer, order: ChunkOrder) -> ChunkMade:
    """Make and verify a chunk. A later attempt begins with smaller tiles: memory may have ended the one before."""
    plan, span = order.plan, order.plan.chunks[order.index]
    tile_pixels = max(1, order.workshop.tile_pixels >> (order.attempt - 1))
    tiled = TiledEnhancer(enhancer, scale=plan.scale, tile_pixels=tile_pixels)
    still = order.workshop.still_codes
    frames = tiled if still < 0 else ReusingEnhancer(tiled, still_codes=still)
    outside: deque[NDArray[Any] | None] = deque()
    sharpened = Ahead(lambda: _sharpened(frames, Ahead(lambda: _pictures(order.source, plan, span, outside))))
    as_film = partial(film_planes, scale=plan.scale, orientation=plan.orientation, color=plan.color)
    planes = (as_film(picture, outside.popleft()) for picture in sharpened)
    return replace(_written(order, planes, engine=enhancer.engine), tile_pixels=tiled.learnt_pixels)


def make_plain_chunk(order: ChunkOrder) -> ChunkMade:
    """Make and verify a chunk whose frames are not sharpened, only made as large as the others."""
    plan, span = order.plan, order.plan.chunks[order.index]
    return _written(order, Ahead(lambda: plain_planes(order.source, plan, span)), engine=PLAIN_ENGINE)


def _written(order: ChunkOrder, frames: Iterator[Planes], *, engine: str) -> ChunkMade:
    """Encode these frames, as many as there is time for, and prove what was written."""
    began = time.monotonic()
    plan, span = order.plan, order.plan.chunks[order.index]
    ends = _Control(order.control)
    brightness: list[float] = []
    with ChunkEncoder(order.target, plan) as encoder:
        for done, planes in enumerate(frames, 1):
            number = span.start + done - 1
            brightness.append(float(planes[0].mean()))
            encoder.add(planes, plan.ticks(number), plan.ticks(number + 1) - plan.ticks(number))
            child.progress(done / span.frames, f"frame {done} of {span.frames}")
            if ends.now():
                break
    span = ChunkSpan(start=span.start, end=span.start + len(brightness))
    verify_chunk(order.target, plan, span, brightness)
    digest = hashlib.sha256()
    for piece in pieces(order.target):
        digest.update(piece)
    return ChunkMade(
        frames=span.frames,
        sha256=digest.hexdigest(),
        engine=engine,
        machine=platform.node() or "unknown",
        seconds=round(time.monotonic() - began, 3),
        setup_sha256=setup_of(order.target),
    )


def _pictures(source: Path, plan: Plan, span: ChunkSpan, outside: deque[NDArray[Any] | None]) -> Iterator[NDArray[Any]]:
    """R'G'B' of each frame; what that cannot say goes to ``outside``."""
    for frame in wanted_frames(source, plan, span):
        outside.append(beyond_in(frame, plan.color))
        yield picture_of(frame, plan.color)


def _sharpened(frames: TiledEnhancer | ReusingEnhancer, pictures: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    batch: list[NDArray[Any]] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == frames.batch:
            yield from frames.enhance(batch)
            batch = []
    if batch:
        yield from frames.enhance(batch)


def verify_chunk(
    path: Path, plan: Plan, span: ChunkSpan, brightness: Sequence[float], *, within: float = _BRIGHTNESS
) -> None:
    """Decode a chunk: count, size, format, colours, every time, and that each frame is the one that was encoded.

    ``brightness``: mean luma of each frame before encoding, in code values; ``within``: by how much it may differ, in
    those of 8 bits. Raises ChunkUnsound.
    """
    limit = within * (4 if plan.color.bits > 8 else 1)
    wrong: list[str] = []

    def compare(number: int, frame: Any) -> None:
        if number < len(brightness) and abs(brightness_of(frame) - brightness[number]) > limit:
            wrong.append(f"frame {number} is another one")

    seen = seen_in(path, each=compare)
    expected = [
        (plan.ticks(number) - plan.ticks(span.start)) * plan.time_base for number in range(span.start, span.end)
    ]
    if not same_times(seen.times, expected, tick=plan.encoding.chunk_tick):
        wrong.append(f"{len(seen.times)} frames with other times instead of {span.frames}")
    if seen.sizes != {plan.size} or seen.pixel_formats != {plan.pixel_format}:
        wrong.append(f"sizes {sorted(seen.sizes)}, formats {sorted(seen.pixel_formats)}")
    if seen.tags != {tags_of(plan.color)}:
        wrong.append(f"colour tags {sorted(seen.tags)} instead of {tags_of(plan.color)}")
    if wrong:
        raise ChunkUnsound(f"the encoded chunk is not what was meant: {'; '.join(wrong[:5])}")


class _Control:
    """Word from outside, in a file: hold still, or end early with what is done."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def now(self) -> bool:
        """Whether to end here; waits while it is said to hold still."""
        while (said := self._said()) == "pause":
            time.sleep(0.2)
        return said == "stop"

    def _said(self) -> str:
        if self._path is None:
            return ""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""
