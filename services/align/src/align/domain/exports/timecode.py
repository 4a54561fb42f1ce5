"""Frames and timecode: rational rates, drop-frame counting (SMPTE ST 12-1) and a start timecode.

Timecode counts frames, it does not tell the time: at 29.97 frames a second, an hour of numbers that skip none is 3.6 s
longer than an hour. Drop-frame counting leaves out the first numbers (never pictures) of each minute but every tenth,
and so keeps to the clock.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

__all__ = ["Clock", "clock_of", "exact", "frame_at"]

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")
_HOURS = 24
_TENTHS = 10
_PRECISION = 1_000_000
"""Seconds are taken to the microsecond: floating point holds no exact frame times."""


def exact(seconds: float) -> Fraction:
    """Seconds as a fraction, free of the dust of floating point."""
    return Fraction(round(seconds * _PRECISION), _PRECISION)


def frame_at(seconds: float, rate: Fraction) -> int:
    """The frame that is seen at a moment, counted from 0."""
    # Times in documents are rounded to the millisecond, so that a cut's may lie a hair before its frame.
    return max(0, int((exact(seconds) + Fraction(1, 2000)) * rate))


@dataclass(frozen=True)
class Clock:
    """How a film's frames are numbered."""

    rate: Fraction
    """Frames per second."""
    start: int = 0
    """The number of frames that the first frame's timecode stands for."""
    drop: bool = False
    """Whether numbers are left out, so that timecode keeps to the time of day."""

    @cached_property
    def nominal(self) -> int:
        """Numbers in a second of timecode: 30 at 29.97 frames per second."""
        return max(1, round(self.rate))

    @cached_property
    def day(self) -> int:
        """Frames after which timecode begins anew."""
        numbers = self.nominal * 3600 * _HOURS
        return numbers - (self._left_out * 54 * _HOURS if self.drop else 0)

    @property
    def _left_out(self) -> int:
        """Numbers left out of a minute: 2 at 29.97, 4 at 59.94."""
        return self.nominal // 15

    def timecode(self, frame: int) -> str:
        """``HH:MM:SS:FF`` of a frame counted from the film's first; ``HH:MM:SS;FF`` in drop-frame counting."""
        number = self._number((self.start + frame) % self.day)
        seconds, frames = divmod(number, self.nominal)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        width = max(2, len(str(self.nominal - 1)))
        return f"{hour:02d}:{minute:02d}:{second:02d}{';' if self.drop else ':'}{frames:0{width}d}"

    def at(self, seconds: float) -> str:
        """The timecode of the frame that is seen at a moment."""
        return self.timecode(frame_at(seconds, self.rate))

    def _number(self, count: int) -> int:
        """The number a frame has when none is left out of the count."""
        if not self.drop:
            return count
        in_minute = self.nominal * 60 - self._left_out
        in_ten = in_minute * _TENTHS + self._left_out
        tens, rest = divmod(count, in_ten)
        # The first minute of ten is whole.
        skipped = 0 if rest < self.nominal * 60 else 1 + (rest - self.nominal * 60) // in_minute
        return count + self._left_out * (tens * (_TENTHS - 1) + skipped)

    def count(self, timecode: str) -> int:
        """The frame, counted from that of ``00:00:00:00``, that has a timecode.

        Numbers that do not exist are taken for the next that do: a 27th frame at 25 a second, one that was dropped.

        Raises:
            ValueError: when it is no timecode.
        """
        found = _TIMECODE.fullmatch(timecode.strip())
        if found is None:
            raise ValueError(f"{timecode!r} is no timecode such as 01:00:00:00 or, drop-frame, 01:00:00;00")
        hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
        number = ((hours * 60 + minutes) * 60 + seconds) * self.nominal + frames
        if self.drop:
            total = number // (self.nominal * 60)
            inside = number % (self.nominal * 60)
            if total % _TENTHS and inside < self._left_out:
                number += self._left_out - inside
            number -= self._left_out * (total - total // _TENTHS)
        return number % self.day


def clock_of(rate: Fraction, start_timecode: str | None) -> Clock:
    """How a film is numbered that begins at a timecode, in which ``;`` says drop-frame as on every machine.

    Without one, films at 29.97 and 59.94 frames a second are counted drop-frame, so that timecode tells the time. At
    other rates there is no drop-frame counting.
    """
    droppable = rate.denominator == 1001 and round(rate) in (30, 60)
    if start_timecode is None:
        return Clock(rate, 0, droppable)
    found = _TIMECODE.fullmatch(start_timecode.strip())
    drop = droppable and found is not None and found[4] in ";.,"
    return Clock(rate, Clock(rate, 0, drop).count(start_timecode), drop)
