"""Small films for the upscale suites, and the steps of making one without a service around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from contracts.documents import ChunkReport, QualityReport
from contracts.gateway import UpscaleOptions
from upscale.adapters.assembling import assemble
from upscale.adapters.indexing import draw_plan
from upscale.adapters.making import make_chunk_with, make_plain_chunk
from upscale.domain.encoding import Encoding, encoding_for
from upscale.domain.plan import Plan
from upscale.domain.selection import Choice, cut_chosen
from upscale.ports import AssemblyOrder, ChunkMade, ChunkOrder, Enhancer, PlanOrder, Workshop

QUICK = Encoding(preset="ultrafast", crf=18)


class Repeating:
    """Enlarges by repeating pixels: what comes out can be told exactly from what went in."""

    engine = "repeating"
    padding = 0
    batch = 1

    def __init__(self, scale: int = 2) -> None:
        self._scale = scale

    def enhance(self, pictures: NDArray[Any], /) -> NDArray[Any]:
        return pictures.repeat(self._scale, axis=2).repeat(self._scale, axis=3)


@dataclass(frozen=True)
class Film:
    """What came of upscaling a file."""

    path: Path
    plan: Plan
    report: QualityReport


def planned(
    source: Path, *, encoding: Encoding = QUICK, longest: int | None = None, only: bool = True, **options: Any
) -> Plan:
    """The plan for a file; ``longest``: frames a chunk may have. A range alone, unless ``only`` is false."""
    wanted = UpscaleOptions(only=only, **options)
    chosen = encoding_for(
        encoding, codec=wanted.codec, crf=wanted.crf, preset=wanted.preset, container=wanted.container
    )
    order = PlanOrder(source, "0" * 64, wanted, chosen, chunk_megapixels=8.0)
    plan = draw_plan(order)
    if longest is None:
        return plan
    choice = Choice(plan.first, plan.end, plan.selection)
    return plan.model_copy(update={"chunks": cut_chosen(choice, longest=longest, longest_plain=longest)})


def workshop(folder: Path, *, precision: Any = "f32") -> Workshop:
    """A machine that keeps what it needs under ``folder``."""
    return Workshop("openvino", precision, "cpu", 600_000, None, None, folder / "cache")


def made_chunks(source: Path, plan: Plan, folder: Path, enhancer: Enhancer) -> Sequence[tuple[Path, ChunkReport]]:
    """Every chunk of a plan, made here."""
    chunks = []
    for index in range(len(plan.chunks)):
        target = folder / f"{index:06d}.mp4"
        order = ChunkOrder(source, plan, index, target, workshop(folder), attempt=1)
        plain = plan.is_plain(plan.chunks[index])
        made = make_plain_chunk(order) if plain else make_chunk_with(enhancer, order)
        report = ChunkReport(
            index=index,
            frames=made.frames,
            machine=made.machine,
            attempts=1,
            seconds=made.seconds,
            sha256=made.sha256,
            start_frame=plan.chunks[index].start,
            engine=made.engine,
            plain=plain,
        )
        chunks.append((target, report))
    return chunks


def upscaled(source: Path, folder: Path, *, enhancer: Enhancer | None = None, **wanted: Any) -> Film:
    """A file upscaled by repeating pixels, with all that belongs to it."""
    plan = planned(source, **wanted)
    chunks = made_chunks(source, plan, folder, enhancer or Repeating(plan.scale))
    target = folder / f"rendition.{plan.encoding.container}"
    report = assemble(AssemblyOrder(source, plan, tuple(chunks), target)).report
    return Film(target, plan, report)


def frames_of(path: Path, *, pixel_format: str | None = None) -> list[NDArray[Any]]:
    """Every frame as an array."""
    with av.open(f"file:{path}") as container:
        return [
            frame.to_ndarray(format=pixel_format) if pixel_format else frame.to_ndarray()
            for frame in container.decode(video=0)
        ]


def times_of(path: Path) -> list[Fraction]:
    """Seconds of every frame after the first."""
    with av.open(f"file:{path}") as container:
        times = [(frame.pts or 0) * (frame.time_base or Fraction(1)) for frame in container.decode(video=0)]
    return [time - times[0] for time in times]


BARS = [(235, 128, 128), (219, 16, 138), (188, 154, 16), (173, 42, 26), (78, 214, 230), (63, 102, 240), (32, 240, 118)]
"""75 % and 100 % bars of BT.709 in limited range, as Y', Cb, Cr, all inside of the R'G'B' cube."""


def written(
    path: Path,
    frames: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]],
    *,
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    pixel_format: str = "yuv420p",
    tags: tuple[int, int, int, int] = (1, 1, 1, 1),
    key_every: int = 12,
) -> Path:
    """A lossless H.264 film of these planes. ``tags``: range, primaries, transfer, matrix as FFmpeg numbers them."""
    height, width = frames[0][0].shape
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        context = stream.codec_context
        context.time_base = time_base
        context.color_range, context.color_primaries, context.color_trc, context.colorspace = tags
        context.options = {"qp": "0", "preset": "ultrafast", "g": str(key_every), "bf": "2"}
        for number, planes in enumerate(frames):
            frame = av.VideoFrame(width, height, pixel_format)
            for target, samples in zip(frame.planes, planes, strict=True):
                rows = np.ascontiguousarray(samples).view(np.uint8).reshape(target.height, -1)
                place = np.frombuffer(memoryview(target), np.uint8).reshape(target.height, target.line_size)
                place[:, : rows.shape[1]] = rows
            frame.pts = ticks[number] if ticks is not None else number
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def flat(colors: Sequence[tuple[int, int, int]], *, size: int = 32, kind: Any = np.uint8) -> tuple[Any, Any, Any]:
    """Planes of a picture with one 4:2:0 square of ``size`` pixels for each colour, side by side."""
    return (
        np.concatenate([np.full((size, size), color[0], kind) for color in colors], axis=1),
        np.concatenate([np.full((size // 2, size // 2), color[1], kind) for color in colors], axis=1),
        np.concatenate([np.full((size // 2, size // 2), color[2], kind) for color in colors], axis=1),
    )


def made_by_repeating(order: ChunkOrder) -> ChunkMade:
    """A chunk without any network, for suites that ask what becomes of chunks."""
    if order.plan.is_plain(order.plan.chunks[order.index]):
        return make_plain_chunk(order)
    return make_chunk_with(Repeating(order.plan.scale), order)
