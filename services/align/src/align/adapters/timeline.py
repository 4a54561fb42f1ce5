"""The timeline for editing programs: scenes as clips, lines as markers on them (OpenTimelineIO)."""

from collections.abc import Sequence
from fractions import Fraction

import opentimelineio as otio

from align.domain.exports.film import Film, Mark
from contracts.documents import LineStatus, Scene

__all__ = ["timeline_of"]

_COLORS = {
    LineStatus.SPOKEN: "GREEN",
    LineStatus.PARAPHRASED: "YELLOW",
    LineStatus.PARTIAL: "ORANGE",
    LineStatus.REPEATED: "CYAN",
    LineStatus.MOVED: "PURPLE",
}


def timeline_of(film: Film, marks: Sequence[Mark]) -> str:
    """OTIO JSON. All times are whole frames at the video's rational rate, counted from its start timecode.

    Each shot is a clip; chosen takes are markers, coloured by status, on the clip in which they begin.
    """
    timeline = otio.schema.Timeline(name=film.title)
    if film.clock.start:
        timeline.global_start_time = otio.opentime.RationalTime(film.clock.start, float(film.rate))
    track = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    clips = [_clip(film, shot) for shot in film.shots]
    for mark in marks:
        clips[mark.shot].markers.append(_marker(film, mark))
    track.extend(clips)
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text


def _clip(film: Film, shot: Scene) -> otio.schema.Clip:
    return otio.schema.Clip(
        name=f"Scene {shot.index + 1}",
        media_reference=otio.schema.MissingReference(
            name=film.source.name or "original", available_range=_range(film.clock.start, film.frames, film.rate)
        ),
        source_range=_range(film.clock.start + shot.start_frame, shot.end_frame - shot.start_frame, film.rate),
        metadata={"matchcut": {"scene": shot.index, "transition": shot.transition, "frame_rate": str(film.rate)}},
    )


def _marker(film: Film, mark: Mark) -> otio.schema.Marker:
    """From the frame in which the take begins to that in which it ends, or to the end of the clip."""
    line, take = mark.line, mark.take
    end = min(mark.end, film.shots[mark.shot].end_frame)
    return otio.schema.Marker(
        name=mark.label,
        color=_COLORS.get(mark.status, "WHITE"),
        marked_range=_range(film.clock.start + mark.first, max(1, end - mark.first), film.rate),
        metadata={
            "matchcut": {
                "line_id": line.line_id, "text": line.text, "status": mark.status.value,
                "start": take.start, "end": take.end,
            }
        },
    )  # fmt: skip


def _range(first: int, frames: int, rate: Fraction) -> otio.opentime.TimeRange:
    speed = float(rate)
    return otio.opentime.TimeRange(otio.opentime.RationalTime(first, speed), otio.opentime.RationalTime(frames, speed))
