"""Frames and their times: which frames a range means, and the order a decoder needs them in."""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

from upscale.domain.refusals import EmptyRange

__all__ = ["decode_times", "frames_in_range", "rising", "span_s"]

_HALF_A_MILLISECOND = Fraction(1, 2000)
"""Times are given to the millisecond, so one that was rounded up must still mean its frame."""


def frames_in_range(
    pts: Sequence[int], time_base: Fraction, *, start: float | None, end: float | None
) -> tuple[int, int]:
    """First frame at or after ``start`` and one past the last before ``end``; seconds from the first frame.

    ``pts`` are rising. Raises EmptyRange when no frame is left.
    """
    first = 0 if start is None else _first_at(pts, time_base, start)
    last = len(pts) if end is None else _first_at(pts, time_base, end)
    if first >= last:
        seconds = float((pts[-1] - pts[0]) * time_base) if pts else 0.0
        raise EmptyRange(
            f"no frame lies between {start or 0:.3f} s and {'the end' if end is None else f'{end:.3f} s'}; "
            f"the last frame of the video is shown at {seconds:.3f} s"
        )
    return first, last


def _first_at(pts: Sequence[int], time_base: Fraction, seconds: float) -> int:
    ticks = (Fraction(seconds) - _HALF_A_MILLISECOND) / time_base
    return bisect_left(pts, pts[0] + ticks if pts else ticks)


def rising(pts: Sequence[int | None], durations: Sequence[int]) -> tuple[list[int], int]:
    """Presentation times that rise with every frame, and how many had to be mended.

    A missing time follows the frame before by that frame's duration; one that does not rise is moved by one tick.
    """
    mended, risen = 0, list[int]()
    for number, value in enumerate(pts):
        earliest = risen[-1] + 1 if risen else None
        if value is None:
            mended += 1
            value = risen[-1] + max(1, durations[number - 1]) if risen else 0
        elif earliest is not None and value < earliest:
            mended += 1
            value = earliest
        risen.append(value)
    return risen, mended


def decode_times(pts: Sequence[int]) -> list[int]:
    """Decoding times for packets in decoding order, from their presentation times.

    They rise, never lie after the packet's own presentation time, and lag by the smallest number of frames that the
    reordering allows (ISO 14496-12, 8.6.1.2). Computed over the whole film, they also rise across joints of chunks.
    """
    shown = sorted(pts)
    rank = {value: place for place, value in enumerate(shown)}
    delay = max((place - rank[value] for place, value in enumerate(pts)), default=0)
    step = shown[1] - shown[0] if len(shown) > 1 else 1
    lead = [shown[0] - (delay - place) * step for place in range(min(delay, len(shown)))]
    return lead + shown[: len(shown) - delay]


def span_s(ticks: int, time_base: Fraction) -> float:
    """Seconds that so many ticks last."""
    return float(ticks * time_base)
