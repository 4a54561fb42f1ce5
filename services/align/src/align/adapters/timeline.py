"""The timeline for editing programs: scenes as clips, lines as markers on them (OpenTimelineIO)."""

from fractions import Fraction

import opentimelineio as otio

from contracts.documents import Ledger, LineStatus, Scene, Scenes, Take

__all__ = ["timeline_of"]

_COLORS = {
    LineStatus.SPOKEN: "GREEN",
    LineStatus.PARAPHRASED: "YELLOW",
    LineStatus.PARTIAL: "ORANGE",
    LineStatus.REPEATED: "CYAN",
    LineStatus.MOVED: "PURPLE",
}
_UNKNOWN_RATE = Fraction(25)
"""Frames per second where neither the video nor its scenes say."""


def timeline_of(ledger: Ledger, scenes: Scenes | None, *, title: str, frame_rate: str | None, duration: float) -> str:
    """OTIO JSON. All times are whole frames at the video's rational rate.

    Args:
        ledger: its chosen takes become markers, coloured by status, on the clip in which they begin.
        scenes: one clip each; without them one clip is the whole film.
        title: name of the timeline.
        frame_rate: as a fraction, ``30000/1001``; taken from the scenes when absent.
        duration: seconds of the film, used when there are no scenes.
    """
    shots = list(scenes.scenes) if scenes and scenes.scenes else []
    rate = _rate(frame_rate, shots)
    if not shots:
        frames = max(1, round(duration * rate))
        shots = [_whole(frames, duration)]
    timeline = otio.schema.Timeline(name=title)
    track = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    end = max(shot.end_frame for shot in shots)
    for shot in shots:
        track.append(_clip(shot, end, rate))
    for line in ledger.lines:
        for take in line.takes:
            if take.chosen and line.status is not None:
                shot = next((one for one in shots if take.start < one.end), shots[-1])
                clip = track[shots.index(shot)]
                clip.markers.append(_marker(line.line_id, line.text, line.status, take, shot, rate))
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text


def _rate(frame_rate: str | None, shots: list[Scene]) -> Fraction:
    if frame_rate:
        return Fraction(frame_rate)
    timed = [shot for shot in shots if shot.start_frame and shot.start > 0]
    if not timed:
        return _UNKNOWN_RATE
    guess = Fraction(timed[-1].start_frame / timed[-1].start).limit_denominator(1)
    exact = timed[-1].start_frame / timed[-1].start
    ntsc = Fraction(round(exact * 1001 / 1000) * 1000, 1001)
    return ntsc if abs(float(ntsc) - exact) < abs(float(guess) - exact) else guess


def _whole(frames: int, duration: float) -> Scene:
    return Scene(
        index=0, start_frame=0, end_frame=frames, start=0.0, end=duration, transition="start", score=1.0, keyframe=None
    )


def _clip(shot: Scene, frames: int, rate: Fraction) -> otio.schema.Clip:
    available = _range(0, frames, rate)
    return otio.schema.Clip(
        name=f"Scene {shot.index + 1}",
        media_reference=otio.schema.MissingReference(name="original", available_range=available),
        source_range=_range(shot.start_frame, shot.end_frame, rate),
        metadata={"matchcut": {"scene": shot.index, "transition": shot.transition, "frame_rate": str(rate)}},
    )


def _marker(line_id: str, text: str, status: LineStatus, take: Take, shot: Scene, rate: Fraction) -> otio.schema.Marker:
    """From the frame in which the take begins to that in which it ends, or to the end of the clip."""
    first = min(max(int(take.start * rate), shot.start_frame), shot.end_frame - 1)
    last = min(max(round(take.end * rate), first + 1), shot.end_frame)
    return otio.schema.Marker(
        name=f"{line_id} {text[:60]}",
        color=_COLORS.get(status, "WHITE"),
        marked_range=_range(first, last, rate),
        metadata={
            "matchcut": {
                "line_id": line_id, "text": text, "status": status.value, "start": take.start, "end": take.end,
            }
        },
    )  # fmt: skip


def _range(first: int, end: int, rate: Fraction) -> otio.opentime.TimeRange:
    speed = float(rate)
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(first, speed), otio.opentime.RationalTime(end - first, speed)
    )
