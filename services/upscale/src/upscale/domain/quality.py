"""Is the rendition the same film? Judged by what decoding it showed."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from upscale.domain.color import Color
from upscale.domain.plan import Plan

__all__ = ["Seen", "Span", "Track", "drift_ms", "failures_of", "lacking", "pts_equal", "same_times", "tags_of"]


_ASPECT = Fraction(1, 10_000)
"""H.264 encoders store pixel shapes with terms up to 4096; no picture is wide enough to show the difference."""


_UNDECODABLE_S = 0.2
"""Seconds of a track that may be missing: what a decoder needs to begin."""


@dataclass(frozen=True)
class Seen:
    """What a decoder found in a file."""

    times: tuple[Fraction, ...]
    """Seconds of each frame."""
    sizes: frozenset[tuple[int, int]]
    pixel_formats: frozenset[str]
    tags: frozenset[tuple[bool, int, int, int]]
    """Full range, primaries, transfer and matrix of the frames."""
    sample_aspect: Fraction


@dataclass(frozen=True)
class Span:
    """When something begins and ends: seconds."""

    start: float
    end: float


@dataclass(frozen=True)
class Track:
    """A sound track of the result."""

    span: Span
    decodable: float
    """Seconds of sound that a decoder got out of it."""


def tags_of(color: Color) -> tuple[bool, int, int, int]:
    """A colour as a decoder reports it."""
    return color.full_range, color.primaries, color.transfer, color.matrix


def pts_equal(plan: Plan, seen: Seen) -> bool:
    """Whether every frame is shown exactly as long after the first as in the original.

    Exactly means to the millisecond in Matroska, which stores times so.
    """
    return same_times(seen.times, [ticks * plan.time_base for ticks in plan.pts], tick=plan.encoding.tick)


def same_times(times: Sequence[Fraction], expected: Sequence[Fraction], *, tick: Fraction) -> bool:
    """Whether frames are shown as long after their first as expected; ``tick``: what the container rounds to."""
    if len(times) != len(expected):
        return False
    return all(
        abs((time - times[0]) - (meant - expected[0])) <= tick for time, meant in zip(times, expected, strict=True)
    )


def drift_ms(original: Sequence[Span], result: Sequence[Track]) -> float:
    """By how much the sound of the result is displaced against its picture, where it is worst: at start or end.

    ``original``: when each sound track is heard, against the first frame. Positive: later than in the original.
    """
    shifts = [
        shift
        for was, is_ in zip(original, result, strict=False)
        for shift in (is_.span.start - was.start, is_.span.end - was.end)
    ]
    return round(1000 * max(shifts, key=abs, default=0.0), 3)


def lacking(track: Track) -> float:
    """Seconds of a track that cannot be decoded; 0 for what is not worth a word."""
    missing = track.span.end - track.span.start - track.decodable
    return missing if missing > _UNDECODABLE_S else 0.0


def failures_of(
    plan: Plan, seen: Seen, *, wanted: Sequence[Span], tracks: Sequence[Track], damaged: Sequence[float] = ()
) -> tuple[str, ...]:
    """What is wrong, in sentences; nothing if the film is the same.

    ``wanted``: when each sound track of the original is heard; ``tracks``: those of the result; ``damaged``: seconds
    of each that could not be decoded in the original either, where it is known.
    """
    return (*_wrong_picture(plan, seen), *_wrong_sound(plan, wanted, tracks, damaged))


def _wrong_picture(plan: Plan, seen: Seen) -> list[str]:
    failures = []
    if len(seen.times) != plan.frames:
        failures.append(f"{len(seen.times)} frames came out, {plan.frames} went in")
    elif not pts_equal(plan, seen):
        failures.append("some frames are shown at other times than in the original")
    if seen.sizes != {plan.size}:
        failures.append(f"the picture measures {_listed(seen.sizes)}; it should be {plan.size[0]}x{plan.size[1]}")
    if seen.pixel_formats != {plan.pixel_format}:
        failures.append(f"the pixel format is {', '.join(sorted(seen.pixel_formats))}, not {plan.pixel_format}")
    if seen.tags != {tags_of(plan.color)}:
        failures.append("the colour tags are not the original's")
    if abs(seen.sample_aspect / plan.sample_aspect - 1) > _aspect_step(plan):
        failures.append(f"pixels are {seen.sample_aspect} wide, not {plan.sample_aspect}")
    return failures


def _aspect_step(plan: Plan) -> Fraction:
    """Matroska stores how wide the whole picture is shown, in whole pixels."""
    if plan.encoding.container == "mp4":
        return _ASPECT
    return max(_ASPECT, 1 / (plan.size[0] * min(Fraction(1), plan.sample_aspect)))


def _wrong_sound(plan: Plan, wanted: Sequence[Span], tracks: Sequence[Track], damaged: Sequence[float]) -> list[str]:
    failures = []
    if len(tracks) != len(wanted):
        failures.append(f"{len(tracks)} sound tracks came out, {len(wanted)} went in")
    for number, track in enumerate(tracks):
        before = damaged[number] if len(damaged) == len(tracks) else 0.0
        if lacking(track) > before + _UNDECODABLE_S:
            failures.append(f"only {track.decodable:.2f} s of sound track {number} can be decoded")
    drift = drift_ms(wanted, tracks)
    frame_ms = 1000 * float((plan.end_pts - plan.pts[0]) * plan.time_base) / plan.frames
    if abs(drift) >= frame_ms:
        failures.append(f"the sound is {abs(drift):.1f} ms {'late' if drift > 0 else 'early'}, more than one frame")
    return failures


def _listed(sizes: frozenset[tuple[int, int]]) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sorted(sizes)) or "nothing"
