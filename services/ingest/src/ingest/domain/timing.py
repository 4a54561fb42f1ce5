"""From the times of decoded frames to rate, duration and evenness. Headers are hints that the frames must confirm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
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
SLOWEST_RATE = Fraction(1, 1001)


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
    disorder = len(gaps) - len(forward)
    least, most = _even_gaps(forward)
    even = [gap for gap in forward if least <= gap <= most]
    odd = [index for index, gap in enumerate(gaps) if gap > 0 and not least <= gap <= most]
    runs = len(odd) + disorder + 1
    period = Fraction(sum(even), len(even)) * time_base
    # The gaps of an unbroken run add up to the true time within a tick, so their mean errs by a tick over their number.
    tolerance = time_base * (runs + 1) / len(even)
    rate = _named_rate(period, tolerance, hints)
    step = 1 / rate / time_base
    if runs - 1 > _forgiven(len(gaps)) or _wanders(gaps, float(step), least, most):
        mean = Fraction(sum(forward), len(forward))
        timing = _timing(pts, time_base, Fraction(1), last_ticks, disorder, step=mean)
        average = (len(pts) / timing.duration).limit_denominator(1001)
        return replace(timing, rate=max(average, SLOWEST_RATE), variable=True)
    timing = _timing(pts, time_base, rate, last_ticks, disorder, step=step)
    exact = len(pts) / rate
    holes = sum(1 for index in odd if index > 0)
    # A coarse clock rounds the ends; even frames without a hole tell the duration better than their times do.
    near = runs == 1 and abs(exact - timing.duration) <= max(3 * time_base, 1 / rate / 4)
    return replace(timing, duration=exact if near else timing.duration, gaps=holes)


def _even_gaps(forward: Sequence[int]) -> tuple[float, float]:
    """Least and greatest gap taken for the usual one: a quarter of a frame off, or a tick of rounding."""
    middle = median_low(forward)
    near = [gap for gap in forward if abs(gap - middle) <= 1]
    usual = sum(near) / len(near)
    slack = max(usual / 4, 1.0 if usual > 2 else 0.0)
    return usual - slack, usual + slack


def _wanders(gaps: Iterable[int], step: float, least: float, most: float) -> bool:
    """Whether frames stray from an even grid by more than half a frame and the rounding, holes set aside.

    Gaps can all look alike and still add up to another rate: 24 frames a second, then 25.
    """
    off = low = high = 0.0
    for gap in gaps:
        if least <= gap <= most:
            off += gap - step
            low, high = min(low, off), max(high, off)
            if high - low > step / 2 + 3:
                return True
        else:
            off = low = high = 0.0
    return False


def _forgiven(gaps: int) -> int:
    """How many uneven gaps a constant rate survives: lost frames leave holes, and AVI shows its first frame early."""
    return 0 if gaps < 8 else max(1, gaps // 20)


def _named_rate(period: Fraction, tolerance: Fraction, hints: Sequence[Fraction]) -> Fraction:
    """A header's rate if the frames bear it out, else the nearest standard rate that they do, else a plain fraction."""
    for rates in (hints[:1], hints, STANDARD_RATES):
        rate = min(rates, key=lambda rate: abs(1 / rate - period), default=None)
        if rate is not None and abs(1 / rate - period) <= tolerance:
            return rate
    return max((1 / period).limit_denominator(1001), SLOWEST_RATE)


def _timing(
    pts: Sequence[int], time_base: Fraction, rate: Fraction, last_ticks: int, disorder: int, *, step: Fraction
) -> Timing:
    longest = LONGEST_LAST_FRAME_S / time_base
    last = Fraction(last_ticks) if 0 < last_ticks <= longest else min(step, longest)
    span = max(pts) - pts[0]
    return Timing(len(pts), pts[0] * time_base, (span + last) * time_base, rate, False, 0, disorder)
