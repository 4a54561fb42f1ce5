"""Joins chunks without encoding again, adds what belongs to the picture, and proves the result. In a child process."""

import hashlib
import heapq
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from chassis import child
from contracts.documents import QualityReport
from upscale.adapters.companions import Companions, companions_of
from upscale.adapters.inspecting import pieces, seen_in, sound_in
from upscale.adapters.quality_page import page_of
from upscale.adapters.reading import opened, video_of
from upscale.adapters.sound import AnyPacket, dressed
from upscale.adapters.stills import Pair, pair_of, shown_frame
from upscale.domain.plan import Plan
from upscale.domain.quality import drift_ms, failures_of, lacking, pts_equal, tags_of
from upscale.domain.refusals import ChunkDamaged
from upscale.domain.soundtrack import LEAD_IN_S, Window
from upscale.domain.timeline import decode_times
from upscale.ports import Assembled, AssemblyOrder

__all__ = ["assemble"]

_FORMATS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": ("mp4", {"movflags": "+faststart"}),
    "mkv": ("matroska", {"avoid_negative_ts": "disabled"}),  # what is shown first is shown at 0 here too
}
_MUXED = 0.3
"""Share of the work that is done once the file is written; the rest is decoding it."""


def assemble(order: AssemblyOrder) -> Assembled:
    """Write the rendition and report on it. Raises ChunkDamaged."""
    began = time.monotonic()
    _check_chunks(order)
    companions = _muxed(order)
    report, pair = _examined(order, companions, began)
    return Assembled(report, round(time.monotonic() - began, 3), page_of(report, pair))


def _check_chunks(order: AssemblyOrder) -> None:
    """The files are those that were verified, and one decoder set-up serves them all."""
    damaged = []
    setups = set()
    for path, report in order.chunks:
        digest = hashlib.sha256()
        for piece in pieces(path):
            digest.update(piece)
        if digest.hexdigest() != report.sha256:
            damaged.append(report.index)
            continue
        with opened(path) as container:
            setups.add(video_of(container).codec_context.extradata)
    if damaged:
        raise ChunkDamaged(f"stored chunks are not what was verified: {damaged}; retry the step", tuple(damaged))
    if len(setups) > 1:
        everyone = tuple(report.index for _, report in order.chunks)
        raise ChunkDamaged("chunks were encoded differently, by different versions perhaps; retry the step", everyone)


def _muxed(order: AssemblyOrder) -> Companions:
    plan, container = order.plan, order.plan.encoding.container
    window = Window(
        start=plan.pts[0] * plan.time_base,
        end=None if plan.to_the_end else plan.end_pts * plan.time_base,
        from_the_start=plan.first == 0,
        lead_in=LEAD_IN_S if container == "mp4" else Fraction(0),
    )
    kind, options = _FORMATS[container]
    with (
        opened(order.source) as original,
        opened(order.chunks[0][0]) as template,
        av.open(f"file:{order.target}", "w", format=kind, options=options) as output,
    ):
        # Only a template without an encoder of its name, as the decoder of AV1 is, has to be taken as it is.
        video = output.add_stream_from_template(video_of(template), opaque=plan.encoding.codec == "av1")
        video.time_base = plan.time_base
        video.codec_context.sample_aspect_ratio = plan.sample_aspect  # AV1 and FFV1 leave it to the container
        source = original.streams[plan.stream]
        dressed(video, source)
        companions = companions_of(original, output, window, video=plan.stream, container=container)
        picture = _picture_packets([path for path, _ in order.chunks], plan, video)
        for _, packet in heapq.merge(picture, companions.packets(original, window), key=lambda timed: timed[0]):
            output.mux(packet)
    child.progress(_MUXED, "checking the result")
    return companions


def _picture_packets(chunks: list[Path], plan: Plan, video: VideoStream) -> Iterator[tuple[Fraction, AnyPacket]]:
    """Packets of all chunks in decoding order, with the times of the plan instead of those in the files.

    Within a chunk the rank of a packet's time says which frame it is. Decoding times are made for the whole film, so
    that they rise over the joints too.
    """
    numbers: list[int] = []
    for path, span in zip(chunks, plan.chunks, strict=True):
        with opened(path) as container:
            times = [packet.pts for packet in container.demux(video_of(container)) if packet.pts is not None]
        rank = {value: place for place, value in enumerate(sorted(times))}
        numbers += [span.start + rank[value] for value in times]
    origin = plan.pts[0]
    shown = [plan.ticks(number) - origin for number in numbers]
    schedule = zip(numbers, shown, decode_times(shown), strict=True)
    for (number, pts, dts), packet in zip(schedule, chain.from_iterable(map(_packets, chunks)), strict=True):
        packet.stream = video
        packet.time_base = plan.time_base
        packet.pts, packet.dts = pts, dts
        packet.duration = plan.ticks(number + 1) - plan.ticks(number)
        yield dts * plan.time_base, packet


def _packets(path: Path) -> Iterator[AnyPacket]:
    with opened(path) as container:
        for packet in container.demux(video_of(container)):
            if packet.pts is not None:
                yield packet


def _examined(order: AssemblyOrder, companions: Companions, began: float) -> tuple[QualityReport, Pair | None]:
    plan = order.plan
    shown, kept = shown_frame(plan), list[VideoFrame]()

    def look(number: int, frame: VideoFrame) -> None:
        child.progress(_MUXED + (1 - _MUXED) * min(1.0, number / plan.frames), "checking the result")
        if number == shown - plan.first:
            kept.append(frame)

    seen = seen_in(order.target, each=look)
    tracks = sound_in(order.target)
    damaged = [lacking(track) for track in sound_in(order.source)] if any(map(lacking, tracks)) else []
    failures = failures_of(plan, seen, wanted=companions.spans, tracks=tracks, damaged=damaged)
    companions.warnings += [
        f"{seconds:.2f} s of sound track {number} of the original cannot be decoded; they are as they were"
        for number, seconds in enumerate(damaged)
        if seconds
    ]
    report = QualityReport(
        frames_in=plan.frames,
        frames_out=len(seen.times),
        pts_equal=pts_equal(plan, seen),
        color_equal=seen.tags == {tags_of(plan.color)},
        av_drift_ms=drift_ms(companions.spans, tracks),
        width=plan.size[0],
        height=plan.size[1],
        start_frame=plan.first,
        end_frame=plan.end,
        model=plan.model,
        model_sha256=plan.model_sha256,
        source_sha256=plan.source_sha256,
        codec=plan.encoding.codec,
        crf=None if plan.encoding.codec == "ffv1" else plan.encoding.crf,
        preset="" if plan.encoding.codec == "ffv1" else plan.encoding.preset,
        container=plan.encoding.container,
        sharpened_frames=plan.sharpened_frames,
        selection=plan.selection and tuple((span.start, span.end) for span in plan.selection),
        seconds=round(sum(report.seconds for _, report in order.chunks) + time.monotonic() - began, 3),
        currency=order.currency,
        chunks=tuple(report for _, report in order.chunks),
        passed=not failures,
        failures=failures,
        warnings=(*plan.warnings, *companions.warnings),
    )
    return report, pair_of(order.source, plan, shown, kept[0]) if kept and report.passed else None
