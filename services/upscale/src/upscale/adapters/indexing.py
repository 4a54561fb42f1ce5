"""Goes through a video once, frame by frame, and plans its rendition. Runs in a child process.

Nothing is believed that the container says about frames: they are counted, timed and fingerprinted by decoding.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from chassis import child
from contracts.gateway import UpscaleOptions
from upscale.adapters.reading import check_of, decoded, opened, orientation_in, siting_in, sketch_of, tags_in, video_of
from upscale.adapters.weights import model_named, require_engine
from upscale.domain.color import Color, Tags, resolve
from upscale.domain.cuts import cuts_in
from upscale.domain.encoding import require_encodable
from upscale.domain.geometry import Orientation, output_size, sample_aspect
from upscale.domain.plan import KeyFrame, Plan, chunk_length
from upscale.domain.refusals import UnsupportedVideo
from upscale.domain.selection import choose, cut_chosen
from upscale.domain.timeline import rising
from upscale.ports import PlanOrder

__all__ = ["draw_plan"]

_DEFAULT_RATE = Fraction(25)
_PLAIN = 8
"""How many times as many frames a chunk may have that is not sharpened: a frame of it is far less work."""


@dataclass
class _Walk:
    """What was seen on the way through the frames."""

    time_base: Fraction
    pts: list[int | None] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    """How much the luma of each frame differs from the one before."""
    shape: NDArray[Any] | None = None
    """The newest frame, small."""
    keys: list[int] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    tags: Tags | None = None
    orientation: Orientation = field(default_factory=Orientation)
    interlaced: bool = False
    to_the_end: bool = True

    def see(self, frame: VideoFrame, tags: Tags) -> None:
        number = len(self.pts)
        size = frame.width, frame.height
        if self.tags is None:
            self.size, self.tags, self.orientation = size, tags, orientation_in(frame)
        if size != self.size or tags != self.tags:
            what = f"its size, from {self.size[0]}x{self.size[1]} to {size[0]}x{size[1]}," if size != self.size else ""
            raise UnsupportedVideo(
                f"the picture changes {what or 'its colour format'} at frame {number}; "
                "convert the video to one size and format first, or ask for a range that ends before, and only for it"
            )
        if frame.key_frame:
            self.keys.append(number)
        self.interlaced = self.interlaced or frame.interlaced_frame
        self.pts.append(frame.pts)
        self.durations.append(frame.duration)
        self.checks.append(check_of(frame))
        before, self.shape = self.shape, sketch_of(frame)
        self.changes.append(0.0 if before is None else float(np.abs(self.shape - before).mean()))

    def is_past(self, seconds: float | None) -> bool:
        """Whether the newest frame lies a second or more behind the end of the range that was asked for."""
        first, newest = self.pts[0], self.pts[-1]
        if seconds is None or first is None or newest is None:
            return False
        return float((newest - first) * self.time_base) > seconds + 1


def draw_plan(order: PlanOrder) -> Plan:
    """Index the video and decide everything that decides what comes out. Raises Refusals, EngineMissing."""
    model = model_named(order.options.model, models_dir=order.models_dir)
    if order.options.dispatch == "gpu":
        require_engine(model, order.engine)
    with opened(order.source) as container:
        stream = video_of(container)
        walk = _walked(order, container, stream)
        if walk.tags is None:
            raise UnsupportedVideo("not a single frame of this video can be decoded")
        color = resolve(walk.tags, width=walk.size[0], height=walk.size[1])
        pts, mended = rising(walk.pts, walk.durations)
        choice = choose(pts, walk.time_base, order.options.stretches, only=order.options.only)
        first, end = choice.first, choice.end
        longest = chunk_length(*walk.size, megapixels=order.chunk_megapixels)
        return Plan(
            source_sha256=order.source_sha256,
            model=order.options.model,
            model_sha256=model.sha256,
            scale=order.options.scale,
            encoding=order.encoding,
            stream=stream.index,
            width=walk.size[0],
            height=walk.size[1],
            orientation=walk.orientation,
            sample_aspect=_aspect(stream, walk.orientation),
            color=color,
            time_base=walk.time_base,
            frame_rate=stream.average_rate or stream.guessed_rate or _DEFAULT_RATE,
            origin=pts[0],
            first=first,
            pts=tuple(pts[first:end]),
            end_pts=pts[end] if end < len(pts) else pts[-1] + _last_duration(pts, walk.durations),
            checks=tuple(walk.checks[first:end]),
            key_frames=tuple(
                KeyFrame(number=number, pts=raw, check=walk.checks[number])
                for number in walk.keys
                if number < end and (raw := walk.pts[number]) is not None
            ),
            to_the_end=walk.to_the_end and end == len(pts),
            chunks=cut_chosen(choice, longest=longest, longest_plain=_PLAIN * longest, cuts=cuts_in(walk.changes)),
            selection=choice.selection,
            deinterlace=_deinterlaced(walk) if order.options.deinterlace else None,
            warnings=(*order.warnings, *choice.empty, *_warnings(walk, mended, color, order.options)),
        )


def _walked(order: PlanOrder, container: InputContainer, stream: VideoStream) -> _Walk:
    if stream.time_base is None:
        raise UnsupportedVideo("the container does not say how long its ticks last; remux it, for example to MP4")
    siting = siting_in(container, stream)
    walk = _Walk(stream.time_base)
    expected = stream.frames or 0
    until = _last_wanted(order.options)
    for frame in decoded(container, stream):
        tags = tags_in(frame, siting)
        if not walk.pts:
            # Refuse before an hour of decoding.
            resolve(tags, width=frame.width, height=frame.height)
            turned = orientation_in(frame)
            size = output_size(frame.width, frame.height, scale=order.options.scale, orientation=turned)
            require_encodable(order.encoding, size, _aspect(stream, turned))
        walk.see(frame, tags)
        if expected:
            child.progress(min(0.99, len(walk.pts) / expected), "reading the video")
        if walk.is_past(until):
            walk.to_the_end = False
            break
    return walk


def _aspect(stream: VideoStream, orientation: Orientation) -> Fraction:
    return sample_aspect(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio, orientation)


def _last_wanted(options: UpscaleOptions) -> float | None:
    """The second after which nothing of the film is needed; None when all of it is."""
    if not options.only or any(end is None for _, end in options.stretches):
        return None
    return max((end for _, end in options.stretches if end is not None), default=None)


def _deinterlaced(walk: _Walk) -> Literal["marked", "all"]:
    """Which frames are meant: where none is marked, whoever asks knows better."""
    return "marked" if walk.interlaced else "all"


def _last_duration(pts: list[int], durations: list[int]) -> int:
    """How long the last frame is shown: as its container says, else as long as the one before."""
    if durations[-1] > 0:
        return durations[-1]
    return pts[-1] - pts[-2] if len(pts) > 1 else 1


def _warnings(walk: _Walk, mended: int, color: Color, options: UpscaleOptions) -> tuple[str, ...]:
    warnings = []
    if mended:
        warnings.append(
            f"{mended} frames of the original had no or a falling time; they were moved behind their elders"
        )
    if walk.interlaced and not options.deinterlace:
        warnings.append(
            "the original is interlaced; its frames were enlarged as they are, with both fields in them. "
            "Ask for deinterlace to have whole pictures"
        )
    if options.deinterlace and not walk.interlaced:
        warnings.append("no frame of the original is marked interlaced; all were deinterlaced, as was asked")
    if walk.tags is not None and walk.tags.is_rgb:
        warnings.append("the original stores RGB; the rendition is BT.709, limited range")
    return tuple(warnings)
