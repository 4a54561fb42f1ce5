"""From the times of decoded frames to rate, duration and evenness. Headers are hints that the frames must confirm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, pairwise
from statistics import median_low

__all__ = ["Timing", "time_frames"]

STANDARD_RATES = tuple(
    Fraction(*rate)
    for rate in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1),
        (100, 1), (120000, 1001), (120, 1), (10, 1), (12, 1), (15, 1), (20, 1), (1, 1),
    )
)  # fmt: skip
LONGEST_LAST_FRAME_S = 60
"""A header's word for how long the last frame stands is believed up to a minute."""
FALLBACK_RATE = Fraction(25)


@dataclass(frozen=True, slots=True)
class Timing:
    """How the frames lie in time."""

    frames: int
    start: Fraction
    """Seconds on the container's clock when the first frame is shown."""
    duration: Fraction
    """Seconds from the first frame to the end of the last."""
    rate: Fraction
    """Frames per second: the nominal one when they are even, else the average."""
    variable: bool
    gaps: int
    """Even frames with holes between them: how many holes. AVI shows its first frame early; that is none."""
    disorder: int
    """Frames whose time is not after that of the frame before."""


def time_frames(
    pts: Sequence[int], *, time_base: Fraction, last_ticks: int = 0, header_rates: Iterable[Fraction] = ()
) -> Timing:
    """Read the presentation times of all frames, in decoded order.

    ``pts`` are ticks of ``time_base`` seconds, one a frame and at least one; ``last_ticks`` is how long the last frame
    says it stands (0: it does not say).
    """
    gaps = [later - earlier for earlier, later in pairwise(pts)]
    forward = [gap for gap in gaps if gap > 0]
    hints = [rate for rate in header_rates if 0 < rate <= 1000]
    if not forward:
        rate = hints[0] if hints else FALLBACK_RATE
        return _timing(pts, time_base, rate, last_ticks, len(gaps), step=1 / rate / time_base)
    usual = _usual_gap(forward)
    even = [gap for gap in forward if _is_even(gap, usual)]
    holes = sum(1 for gap in gaps[1:] if gap > 0 and not _is_even(gap, usual))
    first_is_odd = gaps[0] > 0 and not _is_even(gaps[0], usual)
    disorder = len(gaps) - len(forward)
    variable = holes + first_is_odd + disorder > _forgiven(len(gaps))
    if variable:
        timing = _timing(pts, time_base, Fraction(1), last_ticks, disorder, step=Fraction(sum(forward), len(forward)))
        average = (len(pts) / timing.duration).limit_denominator(1001)
        return replace(timing, rate=max(average, Fraction(1, 1000)), variable=True)
    runs = holes + first_is_odd + disorder + 1
    period = Fraction(sum(even), len(even)) * time_base
    # The gaps of an unbroken run add up to the true time within a tick, so their mean errs by a tick over their number.
    tolerance = time_base * (runs + 1) / len(even)
    rate = _named_rate(period, tolerance, hints)
    timing = _timing(pts, time_base, rate, last_ticks, disorder, step=1 / rate / time_base)
    exact = len(pts) / rate
    # A coarse clock rounds the ends; even frames without a hole tell the duration better than their times do.
    near = runs == 1 and abs(exact - timing.duration) <= max(3 * time_base, 1 / rate / 4)
    return replace(timing, duration=exact if near else timing.duration, gaps=holes)


def _usual_gap(forward: Sequence[int]) -> Fraction:
    """The middle gap, refined by the mean of those within a tick of it: 41 and 42 mean 41.67."""
    middle = median_low(forward)
    near = [gap for gap in forward if abs(gap - middle) <= 1]
    return Fraction(sum(near), len(near))


def _is_even(gap: int, usual: Fraction) -> bool:
    """Within a quarter of a frame, or the rounding of a coarse clock."""
    return abs(gap - usual) <= max(usual / 4, Fraction(1) if usual > 2 else Fraction(0))


def _forgiven(gaps: int) -> int:
    """How many uneven gaps a constant rate survives: lost frames leave holes, and AVI shows its first frame early."""
    return 0 if gaps < 8 else max(1, gaps // 20)


def _named_rate(period: Fraction, tolerance: Fraction, hints: Sequence[Fraction]) -> Fraction:
    for rate in chain(hints, STANDARD_RATES):
        if abs(1 / rate - period) <= tolerance:
            return rate
    return (1 / period).limit_denominator(1001)


def _timing(
    pts: Sequence[int], time_base: Fraction, rate: Fraction, last_ticks: int, disorder: int, *, step: Fraction
) -> Timing:
    longest = LONGEST_LAST_FRAME_S / time_base
    last = Fraction(last_ticks) if 0 < last_ticks <= longest else min(step, longest)
    span = max(pts) - pts[0]
    return Timing(len(pts), pts[0] * time_base, (span + last) * time_base, rate, False, 0, disorder)
