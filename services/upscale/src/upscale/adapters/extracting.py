"""Takes exactly the wanted frames out of a video, wherever its key frames are."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from chassis.telemetry import get_logger
from upscale.adapters.deinterlacing import CONTEXT, deinterlaced
from upscale.adapters.reading import check_of, decoded, opened, video_of
from upscale.domain.plan import ChunkSpan, KeyFrame, Plan
from upscale.domain.refusals import SourceMissing

__all__ = ["frames_between", "wanted_frames"]

_log = get_logger("upscale.extracting")
_SEEKS = 4
"""Key frames to seek to before the whole video is decoded from its start."""


class _Astray(Exception):
    """From here on the decoder gives other frames than the plan has."""


def wanted_frames(path: Path, plan: Plan, span: ChunkSpan) -> Iterator[VideoFrame]:
    """The frames of a chunk as they are to be enlarged: deinterlaced, where the plan says so.

    What is done to the first and last of them then depends on their neighbours in the film, not on where the chunk
    ends: a film in chunks equals one that is not.
    """
    if plan.deinterlace is None:
        return frames_between(path, plan, span.start, span.end)
    before = min(CONTEXT, span.start)
    around = frames_between(path, plan, span.start - before, span.end, after=CONTEXT)
    return islice(deinterlaced(around, plan.deinterlace), before, before + span.frames)


def frames_between(path: Path, plan: Plan, start: int, end: int, *, after: int = 0) -> Iterator[VideoFrame]:
    """Frames ``start`` up to, not including, ``end``, by their numbers in the original; then up to ``after`` more.

    Decoding begins at the key frame before; frames are counted from there, and each wanted one must be the frame that
    the plan's index saw. MPEG streams, which seek by decoding times and so too far, any container that seeks badly,
    and a stream that cannot be entered there are sought from an earlier key frame on, and at last decoded from the
    start, where numbers cannot be mistaken. Raises SourceMissing when the
    video does not have these frames; the film may end without those after.
    """
    number = start
    ways: list[KeyFrame | None] = [*plan.keys_before(start)[:_SEEKS], None]
    for key in ways:
        try:
            for frame in _counted(path, plan, number, end + after, key):
                yield frame
                number += 1
        except _Astray as astray:
            _log.warning("decoding once more from further back", wanted=number, problem=str(astray))
        if number >= end:
            return
    raise SourceMissing(
        f"frame {number} of the original cannot be decoded any more, though it was when the chunks were planned; "
        "upload the video again"
    )


def _counted(path: Path, plan: Plan, start: int, end: int, key: KeyFrame | None) -> Iterator[VideoFrame]:
    doors = [] if key is None else plan.keys_before(start)
    with opened(path) as container:
        stream = video_of(container)
        if key is not None:
            _seek(container, stream, key)
        number = -1
        for frame in decoded(container, stream):
            if number < 0:
                number = _entered(frame, doors)
                if number < 0:
                    continue
            else:
                number += 1
            if number >= end:
                return
            if number >= start:
                _prove(frame, plan, number, certain=key is None)
                yield frame


def _seek(container: InputContainer, stream: VideoStream, key: KeyFrame) -> None:
    try:
        container.seek(key.pts, stream=stream, backward=True)
    except av.error.FFmpegError as error:
        raise _Astray(f"this container cannot seek: {error}") from error


def _entered(frame: VideoFrame, doors: Sequence[KeyFrame]) -> int:
    """The number of the first frame that is known for sure; -1 while there is none.

    ``doors``: key frames it may be, the nearest to what is wanted first; none where decoding begins at the start.
    """
    if not doors:
        return 0
    if frame.pts is None:
        return -1
    if frame.pts > doors[0].pts:
        raise _Astray(f"seeking to {doors[0].pts} gave {frame.pts}")
    check = check_of(frame)
    return next((door.number for door in doors if (door.pts, door.check) == (frame.pts, check)), -1)


def _prove(frame: VideoFrame, plan: Plan, number: int, *, certain: bool) -> None:
    """The frame is the one the index saw. Decoders of other machines may round differently: then its time decides."""
    if not plan.first <= number < plan.end:
        return  # a neighbour, of which a part of a plan knows nothing
    if check_of(frame) != plan.checks[number - plan.first] and not certain:
        raise _Astray(f"frame {number} is another one")
    if certain and frame.pts is not None and frame.pts > plan.ticks(number):
        raise _Astray(f"frame {number} is shown at {frame.pts}, later than planned")
